/** What a card says, out of an integration and its jobs. Pure: the time is an argument, in milliseconds. */

/** @import { IntegrationView, JobView } from "./client/types.js" */

/** A job that has been due for longer than this waits "long": the card says so, and why. */
export const WAITING_AFTER_MS = 20_000;
/** Nobody thinks of a start this close as scheduled. */
const SOON_MS = 3_000;

const TONES = {
  running: "busy",
  canceling: "busy",
  pending: "queue",
  waiting: "warn",
  retrying: "warn",
  scheduled: "queue",
  success: "good",
  error: "bad",
  canceled: "off",
  configured: "off",
  disabled: "off",
  paused: "warn",
};

/** The filters of the overview, and which states each holds. */
export const FILTERS = {
  all: Object.keys(TONES),
  active: ["running", "canceling", "pending", "waiting", "retrying", "scheduled"],
  error: ["error"],
  success: ["success"],
  idle: ["configured", "disabled", "paused", "canceled"],
};

export const isActive = (job) => job.status === "pending" || job.status === "running";
export const at = (moment) => (moment ? Date.parse(moment) : null);

/**
 * @typedef {object} Card
 * @property {string} id of the integration
 * @property {IntegrationView} integration
 * @property {JobView[]} active running ones first, then in the order they start
 * @property {JobView | null} job the one the card speaks of: the first active one
 * @property {JobView | null} last the newest that has ended
 * @property {keyof typeof TONES} state
 * @property {string} tone
 */

/**
 * @param {IntegrationView} integration
 * @param {readonly JobView[]} jobs of this integration, newest first
 * @param {number} now
 * @returns {Card}
 */
export function cardOf(integration, jobs, now) {
  const active = jobs.filter(isActive).sort(inOrder);
  const job = active[0] ?? null;
  const last = newest(jobs.filter((each) => !isActive(each)));
  const state = job ? stateOfActive(job, integration, now) : stateAtRest(integration, last);
  return { id: integration.id, integration, active, job, last, state, tone: TONES[state] };
}

export function toneOf(state) {
  return TONES[state] ?? "off";
}

/** The state of one job by itself, as in the history. */
export function stateOfJob(job, now) {
  return isActive(job) ? stateOfActive(job, { paused: false }, now) : job.status;
}

function stateOfActive(job, integration, now) {
  if (job.status === "running") return job.cancel_requested_at ? "canceling" : "running";
  if (integration.paused) return "paused";
  const due = at(job.run_at) ?? at(job.created_at);
  if (now - due > WAITING_AFTER_MS) return "waiting";
  if (job.attempts > 0 || job.error_code) return "retrying";
  return due - now > SOON_MS ? "scheduled" : "pending";
}

function stateAtRest(integration, last) {
  if (!integration.is_enabled) return "disabled";
  if (integration.paused) return "paused";
  if (last !== null) return last.status;
  return ["success", "error", "canceled"].includes(integration.last_status) ? integration.last_status : "configured";
}

function inOrder(one, other) {
  if (one.status !== other.status) return one.status === "running" ? -1 : 1;
  return at(one.run_at ?? one.created_at) - at(other.run_at ?? other.created_at) || (one.id < other.id ? -1 : 1);
}

function newest(ended) {
  const when = (job) => at(job.finished_at ?? job.created_at);
  return ended.reduce((best, job) => (best === null || when(job) > when(best) ? job : best), null);
}

/**
 * @typedef {object} Bar
 * @property {number | null} share 0 to 1; null while the whole is not known
 * @property {number | null} done
 * @property {number | null} total
 * @property {import("./client/index.js").ProgressDetail} detail
 * @property {number | null} rate a second
 * @property {number | null} leftS seconds
 */

/**
 * How far a running job is. The server's own rate and estimate stand; without them they follow from the time it runs.
 *
 * @param {JobView} job
 * @param {number} now
 * @returns {Bar}
 */
export function barOf(job, now) {
  const detail = job.progress_detail ?? {};
  const done = detail.done ?? null;
  const total = detail.total ?? null;
  const ranS = Math.max(now - (at(job.started_at) ?? now), 0) / 1000;
  const rate = detail.rate_per_s ?? (done && ranS > 1 ? done / ranS : null);
  const share = total ? Math.min((done ?? 0) / total, 1) : done === null && job.progress > 0 ? job.progress / 100 : null;
  const leftS = detail.eta_s ?? (total && rate ? Math.max(total - (done ?? 0), 0) / rate : null);
  return { share, done, total, detail, rate, leftS };
}

const COUNTERS = ["read", "created", "updated", "skipped", "errors"];

/** The counters in a job's result, those that are above zero, in a fixed order. */
export function countersOf(result) {
  if (result === null || typeof result !== "object") return [];
  return COUNTERS.filter((name) => typeof result[name] === "number" && (result[name] > 0 || name === "read")).map((name) => [name, result[name]]);
}

/** Integrations by what people read: the office's name, then the provider's. */
export function sortCards(cards, names) {
  const collator = new Intl.Collator("pt", { sensitivity: "base", numeric: true });
  return [...cards].sort(
    (one, other) =>
      collator.compare(names.office(one.integration.tenant_id), names.office(other.integration.tenant_id)) ||
      collator.compare(names.provider(one.integration.provider_slug), names.provider(other.integration.provider_slug)),
  );
}

/** Text without accents and case, for searching as people type. */
export function folded(written) {
  return written.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}

/** Whether each word of the query stands somewhere in the texts. */
export function matches(query, texts) {
  const held = folded(texts.join(" "));
  return folded(query).split(/\s+/).every((word) => held.includes(word));
}

/** Thirty days up to today, those without runs included. */
export function wholeDays(days, count, todayIso) {
  const known = new Map(days.map((each) => [each.day.slice(0, 10), each]));
  const last = Date.parse(`${todayIso}T12:00:00Z`);
  return Array.from({ length: count }, (_, index) => {
    const iso = new Date(last - (count - 1 - index) * 86_400_000).toISOString().slice(0, 10);
    const found = known.get(iso);
    return { day: iso, success: found?.success ?? 0, error: found?.error ?? 0 };
  });
}
