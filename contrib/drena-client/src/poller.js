/**
 * The feed by long poll, for networks where websockets do not come through. The frames are the same as on a socket,
 * read from the same log at the same places, so both ways may even run at once.
 */

import { fullJitter } from "./backoff.js";
import { Refused } from "./problems.js";
import { Steps } from "./steps.js";

/** @import { Position, Problem, Tenant, World } from "./types.js" */
/** @import { Http } from "./http.js" */

/** How many requests wait at a time: a browser opens six connections to a host, and the page needs some. */
export const AT_ONCE = 3;

/** How long the server may hold a request when every tenant has one. */
export const WAIT_S = 25;

/** The same when tenants take turns. */
export const TURN_S = 2;

/** What an answer may take beyond that. */
const ANSWER_MS = 10_000;

export class Poller {
  /** Which tenants polling has brought into step. */
  steps = new Steps();
  /** Whether the last question was answered. */
  healthy = false;
  /** When that was. */
  answeredAt = 0;

  /** What each tenant's last answer said of its running jobs, in short: the next one then ends with their progress, too.
   * @type {Map<string, string>} */
  #marks = new Map();
  /** @type {AbortController | null} */
  #running = null;
  #world;
  #http;
  #on;

  /**
   * @param {World} world
   * @param {Http} http
   * @param {object} on
   * @param {() => string[] | null} on.wanted the tenants to poll; null: all that there are
   * @param {(tenants: Tenant[]) => void} on.tenants
   * @param {(tenant: string) => Position | undefined} on.position
   * @param {(frame: any) => void} on.frame
   * @param {(back: boolean) => void} on.change it was answered, or not; `back`: for the first time, or again
   * @param {(problem: Problem) => void} on.refused polling is over: this access is not good for it
   */
  constructor(world, http, on) {
    this.#world = world;
    this.#http = http;
    this.#on = on;
  }

  get running() {
    return this.#running !== null;
  }

  start() {
    if (this.#running) return;
    this.#running = new AbortController();
    this.#run(this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
    this.healthy = false;
    this.steps.clear();
    this.#marks.clear();
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    const wanted = this.#on.wanted();
    const all = wanted === null ? await this.#everyone(signal) : null;
    if (signal.aborted) return;
    if (all) this.#on.tenants(all);
    /** @type {string[]} */
    const queue = all ? all.map((each) => each.id) : (wanted ?? []);
    this.steps.expect(queue.map((id) => ({ id })));
    const workers = Math.min(AT_ONCE, queue.length);
    const waitS = queue.length > AT_ONCE ? TURN_S : WAIT_S;
    for (let each = 0; each < workers; each += 1) this.#work(queue, waitS, signal);
    if (workers === 0) this.#answers(true);
  }

  /**
   * All tenants that this access may see, however many pages they fill.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<Tenant[]>}
   */
  async #everyone(signal) {
    const found = [];
    for (let cursor; cursor !== null && !signal.aborted; ) {
      const query = { limit: 1_000, cursor };
      const page = await this.#ask(signal, () => this.#http.request("/v1/tenants", { query, signal, tries: 1 }));
      found.push(...(page?.items ?? []));
      cursor = page?.next_cursor ?? null;
    }
    return found;
  }

  /**
   * @param {string[]} queue
   * @param {number} waitS
   * @param {AbortSignal} signal
   */
  async #work(queue, waitS, signal) {
    for (let tenant = queue.shift(); tenant !== undefined && !signal.aborted; tenant = queue.shift()) {
      const id = tenant;
      // The first answer must not wait for news: it says where this tenant stands.
      const frame = await this.#ask(signal, () => this.poll(id, this.steps.has(id) ? waitS : 0, signal));
      if (signal.aborted) return;
      this.#answers(true);
      const { progress = [], progress_mark = "", ...news } = frame;
      this.#on.frame(news);
      for (const each of progress) this.#on.frame(each);
      this.#marks.set(tenant, progress_mark);
      queue.push(tenant);
    }
  }

  /**
   * One frame of one tenant: what happened since its position, or a snapshot.
   *
   * @param {string} tenant
   * @param {number} waitS
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  poll(tenant, waitS, signal) {
    const mark = this.#marks.get(tenant) || undefined; // a server of before has none
    const query = { tenant_id: tenant, ...this.#on.position(tenant), wait_s: waitS, progress_mark: mark };
    return this.#http.request("/v1/feed", { query, signal, tries: 1, answerMs: waitS * 1000 + ANSWER_MS });
  }

  /**
   * Ask until there is an answer or polling ends.
   *
   * @param {AbortSignal} signal
   * @param {() => Promise<any>} question
   */
  async #ask(signal, question) {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        return await question();
      } catch (error) {
        if (signal.aborted) return null;
        if (!(error instanceof Refused)) throw error;
        const { kind, status, retryAfterS = 0 } = error.problem;
        const passing = kind !== "refused" || status === 429 || error.problem.code === "token_expired";
        if (!passing) return this.#on.refused(error.problem);
        this.#answers(false);
        await this.#pause(retryAfterS * 1000 + fullJitter(attempt, this.#world.random));
      }
    }
    return null;
  }

  /** @param {boolean} answers */
  #answers(answers) {
    const back = answers && !this.healthy;
    this.healthy = answers;
    if (answers) this.answeredAt = this.#world.now();
    this.#on.change(back);
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((done) => this.#world.setTimeout(() => done(undefined), ms));
  }
}
