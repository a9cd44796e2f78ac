/**
 * Refusals and failures as values. A refusal of the server (RFC 9457) keeps its body, whatever the status; a failure of
 * the network is a different kind, because the person in front of the screen has to do something else about it. Pure.
 */

/** @import { JobView, Language, Problem } from "./types.js" */

/** @type {Record<string, Record<Language, [title: string, detail: string]>>} What this client itself has to say. */
const WORDS = {
  unreachable: {
    pt: ["Sem conexão com o servidor", "O servidor não respondeu. Verifique a rede e tente de novo."],
    en: ["No connection to the server", "The server did not answer. Check the network and try again."],
  },
  answer_lost: {
    pt: ["A resposta se perdeu", "O pedido pode ter chegado: veja o estado da integração antes de tentar de novo."],
    en: ["The answer was lost", "The request may have arrived: look at the integration before you try again."],
  },
  answer_invalid: {
    pt: ["Resposta inesperada", "Quem respondeu não foi o Drena (HTTP {status})."],
    en: ["Unexpected answer", "It was not Drena that answered (HTTP {status})."],
  },
  token_unavailable: {
    pt: ["Sessão indisponível", "Não foi possível obter o acesso. Entre de novo se isto continuar."],
    en: ["No session", "No access token could be had. Sign in again if this goes on."],
  },
  token_invalid: {
    pt: ["Sessão inválida", "O acesso não foi aceito. Entre de novo."],
    en: ["Session not valid", "The access token was not accepted. Sign in again."],
  },
  forbidden: {
    pt: ["Sem permissão", "Este acesso não vale para estes dados."],
    en: ["Not allowed", "This access does not cover this data."],
  },
  message_invalid: {
    pt: ["Pedido não aceito", "O servidor não aceitou o que esta página pediu: {reason}"],
    en: ["Not accepted", "The server did not accept what this page asked for: {reason}"],
  },
  version: {
    pt: ["Versão antiga", "Esta página é de outra versão do servidor. Recarregue-a."],
    en: ["Old version", "This page belongs to another version of the server. Reload it."],
  },
  feed_refused: {
    pt: ["Conexão recusada", "O servidor recusou esta página (código {status}). Recarregue-a."],
    en: ["Connection refused", "The server refused this page (code {status}). Reload it."],
  },
};

/**
 * A problem that this client found by itself.
 *
 * @param {string} code
 * @param {Language} language
 * @param {Partial<Problem>} [more]
 * @returns {Problem}
 */
export function ownProblem(code, language, more = {}) {
  const [title, detail] = (WORDS[code] ?? WORDS.feed_refused)[language];
  const status = more.status ?? 0;
  const kind = status === 0 ? "network" : "refused";
  const said = detail.replace("{status}", String(status)).replace("{reason}", String(more.extensions?.reason ?? ""));
  return { kind, code, status, title, detail: said, requestId: null, extensions: {}, ...more };
}

/**
 * A problem document, typed.
 *
 * @param {any} body
 * @param {number} [httpStatus]
 * @returns {Problem | null} null when it is none
 */
export function parseProblem(body, httpStatus) {
  if (body === null || typeof body !== "object" || typeof body.code !== "string") return null;
  const { code, status: told, title = code, detail = "", request_id = null, type, instance, ...extensions } = body;
  const status = Number(told ?? httpStatus ?? 0);
  const kind = status >= 500 ? "unavailable" : "refused";
  /** @type {Problem} */
  const problem = { kind, code, status, title, detail, requestId: request_id, extensions };
  if (extensions.active_job) problem.activeJob = /** @type {JobView} */ (extensions.active_job);
  if (extensions.retry_after_s !== undefined) problem.retryAfterS = Number(extensions.retry_after_s);
  return problem;
}

/** A problem on its way up, inside this client; callers get it as a value. */
export class Refused extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(`${problem.title}: ${problem.detail}`);
    this.name = "Refused";
    this.problem = problem;
  }
}
