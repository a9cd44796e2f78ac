/**
 * What is known of one tenant, and the rules by which frames change it. Pure: no clock, no socket.
 *
 * The server numbers a tenant's changes without a hole. So a frame is either old (dropped), next (applied) or beyond a
 * gap; a gap is never papered over, it is told to the caller, who asks for a snapshot. Rows carry versions of their
 * own: the answer to a click, a row of the feed and a row read over HTTP may arrive in any order, and no older one wins.
 * Of the same version the feed's is taken: what belongs to a row may change beside it (an integration's schedule).
 *
 * `progress` frames lie outside the numbering. They are kept beside the row they speak of, never in its place, so that
 * one that comes late cannot take back what a newer row says.
 */

/** @import { Delta, IntegrationView, JobView, Position, Progress, Snapshot } from "./types.js" */

/** How many ended jobs of an integration are kept; the server's snapshot has 20. */
export const ENDED_KEPT = 50;

const ACTIVE = new Set(["pending", "running"]);

/** @param {{ status: string }} job */
export const isActive = (job) => ACTIVE.has(job.status);

/**
 * @typedef {object} Row
 * @property {number} version
 * @property {any} view
 * @property {boolean} fed whether it came over the feed, rather than in an answer to this client
 * @property {number} progressVersion the version of the last progress frame
 */

export class TenantState {
  /** @type {string | null} */
  #epoch = null;
  #offset = -1;
  #lost = false;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Snapshot[] | null} parts of a snapshot that is not complete */
  #parts = null;
  /** @type {Delta[]} deltas that came between those parts */
  #held = [];

  /** Where a new connection may go on; undefined asks for a snapshot. */
  get position() {
    if (this.#epoch === null || this.#lost) return undefined;
    return /** @type {Position} */ ({ epoch: this.#epoch, offset: this.#offset });
  }

  /** The last offset applied; -1 before the first snapshot. */
  get offset() {
    return this.#offset;
  }

  /** Whether a snapshot has ever been seen. */
  get known() {
    return this.#epoch !== null;
  }

  /** Forget the place in the log, not the rows: the next frame must be a snapshot. */
  lose() {
    this.#lost = true;
    this.#parts = null;
    this.#held = [];
  }

  /**
   * Take a snapshot, or a part of one. It replaces everything once its last part is in.
   *
   * @param {Snapshot} frame
   * @returns {"applied" | "gap" | "partial"} `gap`: a delta that came between its parts does not follow it
   */
  snapshot(frame) {
    const parts = frame.parts ?? 1;
    const same = (/** @type {Snapshot} */ part) => part.epoch === frame.epoch && part.offset === frame.offset;
    const seen = (this.#parts ?? []).filter((part) => same(part) && part.part !== frame.part);
    this.#parts = [...seen, frame];
    if (this.#parts.length < parts) return "partial";
    this.#replace(frame, this.#parts);
    const held = this.#held;
    this.#parts = null;
    this.#held = [];
    return held.map((delta) => this.delta(delta)).includes("gap") ? "gap" : "applied";
  }

  /**
   * @param {Snapshot} frame
   * @param {Snapshot[]} parts
   */
  #replace(frame, parts) {
    const before = this.#epoch === frame.epoch ? this.#rows : new Map();
    this.#rows = new Map();
    this.#epoch = frame.epoch;
    this.#offset = frame.offset;
    this.#lost = false;
    for (const part of parts) {
      for (const job of part.jobs ?? []) this.#put(`job:${job.id}`, job, before);
      for (const each of part.integrations ?? []) this.#put(`integration:${each.id}`, each, before);
    }
  }

  /**
   * @param {string} key
   * @param {any} view
   * @param {Map<string, Row>} before what was known until now
   */
  #put(key, view, before) {
    const known = before.get(key);
    if (known) this.#rows.set(key, { ...known, fed: true });
    this.#change(key, view.version, view, true);
  }

  /**
   * Take a delta. It covers the offsets `from` to `to`.
   *
   * @param {Delta} frame
   * @returns {"applied" | "dropped" | "gap" | "held"}
   */
  delta(frame) {
    if (this.#parts) {
      this.#held.push(frame);
      return "held";
    }
    if (this.#epoch === null || this.#lost) return "gap";
    if (frame.epoch !== undefined && ![frame.epoch, frame.was].includes(this.#epoch)) return "gap";
    if (frame.from > this.#offset + 1) return "gap";
    this.#epoch = frame.epoch ?? this.#epoch;
    if (frame.to <= this.#offset) return "dropped";
    for (const row of frame.rows) {
      if (row.del) this.#rows.delete(row.k);
      else this.#change(row.k, Math.max(row.v, row.d.version ?? 0), row.d, true);
    }
    this.#offset = frame.to;
    this.#trim();
    return "applied";
  }

  /**
   * @param {Progress} frame
   * @returns {boolean} whether it changed anything
   */
  progress(frame) {
    const row = this.#rows.get(`job:${frame.job_id}`);
    const version = frame.version ?? row?.version ?? 0;
    if (!row || row.view.status !== "running" || version < Math.max(row.version, row.progressVersion)) return false;
    const { progress, progress_detail = row.view.progress_detail } = frame;
    const view = { ...row.view, progress, progress_detail };
    this.#rows.set(`job:${frame.job_id}`, { ...row, view, progressVersion: version });
    return true;
  }

  /**
   * Take a row that did not come over the feed: the answer to a click, a job read over HTTP.
   *
   * @param {"job" | "integration"} kind
   * @param {any} view
   * @returns {boolean} whether it changed anything
   */
  learn(kind, view) {
    return this.#change(`${kind}:${view.id}`, view.version, view, false);
  }

  /**
   * @param {string} key
   * @param {number} version
   * @param {any} view
   * @param {boolean} fed
   */
  #change(key, version, view, fed) {
    const known = this.#rows.get(key);
    const old = known !== undefined && (fed ? version < known.version : version <= known.version);
    if (old && fed && !known.fed) this.#rows.set(key, { ...known, fed });
    if (old) return false;
    if (known && known.progressVersion > version && view.status === "running") {
      const { progress, progress_detail } = known.view;
      this.#rows.set(key, { ...known, version, view: { ...view, progress, progress_detail }, fed });
    } else {
      this.#rows.set(key, { version, view, fed, progressVersion: 0 });
    }
    return true;
  }

  /** Let go of the oldest ended jobs of an integration, so that a page left open for a week does not grow. */
  #trim() {
    if (this.#rows.size <= ENDED_KEPT) return;
    /** @type {Map<string, JobView[]>} */
    const ended = new Map();
    for (const job of this.jobs()) {
      if (isActive(job)) continue;
      const of = ended.get(job.provider_slug) ?? [];
      if (of.push(job) > ENDED_KEPT) this.#rows.delete(`job:${job.id}`);
      ended.set(job.provider_slug, of);
    }
  }

  /**
   * Whether this job's row, as far as it is known, came over the feed.
   *
   * @param {string} id
   */
  fed(id) {
    return this.#rows.get(`job:${id}`)?.fed === true;
  }

  /** @returns {JobView[]} newest first */
  jobs() {
    return this.#views("job:").sort(newestFirst);
  }

  /** @returns {IntegrationView[]} */
  integrations() {
    return this.#views("integration:");
  }

  /** @param {string} prefix */
  #views(prefix) {
    const found = [];
    for (const [key, row] of this.#rows) if (key.startsWith(prefix)) found.push(row.view);
    return found;
  }
}

/**
 * @param {JobView} one
 * @param {JobView} other
 */
export function newestFirst(one, other) {
  if (one.created_at === other.created_at) return one.id < other.id ? 1 : -1;
  return Date.parse(other.created_at) - Date.parse(one.created_at) || (one.created_at < other.created_at ? 1 : -1);
}
