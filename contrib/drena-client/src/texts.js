/** What people read on cards, in notices and about the connection. Problems bring their own words. */

/** @import { IntegrationView, JobView, Language, ProgressDetail } from "./types.js" */

/** @type {Record<Language, Record<string, string>>} */
export const texts = {
  pt: {
    pending: "Na fila…",
    running: "Processando…",
    success: "Concluído",
    error: "Falha",
    canceled: "Cancelado",
    configured: "Configurado",
    disabled: "Desativado",
    run: "Executar",
    cancel: "Cancelar",
    retry: "Tentar de novo",
    job_active: "Execução em andamento",
    waiting: "Fila aguardando reprocessamento",
    live: "Ao vivo",
    stale: "Atualização atrasada",
    reconnecting: "Reconectando…",
    offline: "Sem conexão",
    as_of: "Dados de {age} atrás",
    seconds: "{n} s",
    minutes: "{n} min",
    hours: "{n} h",
  },
  en: {
    pending: "Queued…",
    running: "Running…",
    success: "Done",
    error: "Failed",
    canceled: "Cancelled",
    configured: "Configured",
    disabled: "Disabled",
    run: "Run",
    cancel: "Cancel",
    retry: "Try again",
    job_active: "Already running",
    waiting: "The queue is waiting to be processed again",
    live: "Live",
    stale: "Updates are late",
    reconnecting: "Reconnecting…",
    offline: "Offline",
    as_of: "As of {age} ago",
    seconds: "{n} s",
    minutes: "{n} min",
    hours: "{n} h",
  },
};

/**
 * What a provider calls a unit or a phase, as people read it: `progressWord(detail, detail.unit, "en")`. A word that it
 * does not say in two languages is shown as it came.
 *
 * @param {ProgressDetail} detail
 * @param {string | null | undefined} word
 * @param {Language} language
 * @returns {string}
 */
export function progressWord(detail, word, language) {
  return word ? (detail.words?.[word]?.[language] ?? word) : "";
}

/**
 * How old what is shown is: "Dados de 12 s atrás".
 *
 * @param {Date} asOf
 * @param {Language} language
 * @param {number} [now]
 */
export function ageText(asOf, language, now = Date.now()) {
  const words = texts[language];
  const seconds = Math.max(0, Math.round((now - asOf.getTime()) / 1000));
  const [unit, length] = seconds < 90 ? ["seconds", 1] : seconds < 5_400 ? ["minutes", 60] : ["hours", 3_600];
  return words.as_of.replace("{age}", words[unit].replace("{n}", String(Math.round(seconds / length))));
}

/**
 * The one word on a card: what its latest job does, else what the integration is.
 *
 * @param {JobView | null | undefined} job
 * @param {IntegrationView | null | undefined} integration
 * @param {Language} language
 */
export function cardText(job, integration, language) {
  const words = texts[language];
  if (job && (job.status === "pending" || job.status === "running")) return words[job.status];
  if (integration && !integration.is_enabled) return words.disabled;
  return job ? words[job.status] : words.configured;
}
