/**
 * What a person asks for: run, cancel, retry.
 *
 * A command goes over the socket while that is live, over HTTP otherwise. When a socket ends between question and
 * answer nobody knows whether the question arrived; then, and only then, it is asked again over HTTP under the same
 * key, and the server answers what it has answered before. (A `retry` has no key there: it is said to be lost.) Every answer is shown at once, without waiting for the
 * feed; a moment later it is checked that the feed has brought the job too.
 */

import { ownProblem, parseProblem, Refused } from "./problems.js";

/** @import { JobView, Language, Outcome, World } from "./types.js" */
/** @import { Connection } from "./connection.js" */
/** @import { Feed } from "./feed.js" */
/** @import { Http } from "./http.js" */

/** How long the socket may take to answer a command. */
export const REPLY_MS = 10_000;

/** When to look whether the feed has brought what a command did. */
export const CHECK_MS = 1_500;

export class Commands {
  #world;
  #connection;
  #http;
  #feed;
  #language;
  #onLearned;
  /** @type {Map<string, (reply: any | null) => void>} */
  #waiting = new Map();

  /**
   * @param {World} world
   * @param {object} parts
   * @param {Connection} parts.connection
   * @param {Http | null} parts.http
   * @param {Feed} parts.feed
   * @param {Language} parts.language
   * @param {() => void} parts.onLearned
   */
  constructor(world, { connection, http, feed, language, onLearned }) {
    this.#world = world;
    this.#connection = connection;
    this.#http = http;
    this.#feed = feed;
    this.#language = language;
    this.#onLearned = onLearned;
  }

  /**
   * @param {{ tenantId: string, providerSlug: string, lane?: string, payload?: unknown }} what
   * @returns {Promise<Outcome>}
   */
  run({ tenantId, providerSlug, lane, payload }) {
    const body = { tenant_id: tenantId, provider_slug: providerSlug, ...given({ lane, payload }) };
    return this.#ask({ t: "run", ...body }, "/v1/jobs", { body, again: true });
  }

  /**
   * @param {"cancel" | "retry"} verb
   * @param {string} jobId
   * @returns {Promise<Outcome>}
   */
  act(verb, jobId) {
    const path = `/v1/jobs/${encodeURIComponent(jobId)}/${verb}`;
    return this.#ask({ t: verb, job_id: jobId }, path, { again: verb === "cancel" });
  }

  /**
   * @param {object} frame
   * @param {string} path
   * @param {{ body?: unknown, again: boolean }} how `again`: asking twice does no more than asking once
   * @returns {Promise<Outcome>}
   */
  async #ask(frame, path, how) {
    const key = this.#world.uuid();
    /** @type {Outcome} */
    let outcome;
    try {
      const reply = this.#connection.canSend ? await this.#overSocket({ ...frame, ref: key }) : null;
      outcome = reply ? this.#outcomeOf(reply) : await this.#overHttp(path, how, key, reply === undefined);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      outcome = { ok: false, problem: error.problem };
    }
    const job = outcome.ok ? outcome.job : outcome.problem.activeJob;
    if (!job || job.version === undefined) return outcome;
    this.#learn(job);
    this.#world.setTimeout(() => this.#check(job), CHECK_MS);
    return outcome;
  }

  /**
   * @param {string} path
   * @param {{ body?: unknown, again: boolean }} how
   * @param {string} key
   * @param {boolean} doubtful whether it may have arrived over the socket already
   * @returns {Promise<Outcome>}
   */
  async #overHttp(path, { body, again }, key, doubtful) {
    if (!this.#http || (doubtful && !again))
      throw new Refused(ownProblem(doubtful ? "answer_lost" : "unreachable", this.#language));
    try {
      const options = { method: "POST", body, key: again ? key : undefined };
      const { healed_job_id = null, ...job } = await this.#http.request(path, options);
      return { ok: true, job, healedJobId: healed_job_id };
    } catch (error) {
      const unheard = error instanceof Refused && error.problem.kind === "network";
      throw unheard ? new Refused(ownProblem("answer_lost", this.#language)) : error;
    }
  }

  /**
   * @param {{ ref: string }} message
   * @returns {Promise<any>} the reply; null: it was never sent; undefined: the answer was lost
   */
  #overSocket(message) {
    if (!this.#connection.send(message)) return Promise.resolve(null);
    return new Promise((settle) => {
      const end = (/** @type {any} */ reply) => {
        this.#world.clearTimeout(timer);
        this.#waiting.delete(message.ref);
        settle(reply ?? undefined);
      };
      const timer = this.#world.setTimeout(() => end(null), REPLY_MS);
      this.#waiting.set(message.ref, end);
    });
  }

  /** An answer of the socket; null: there will be no more. @param {any | null} reply */
  replied(reply) {
    if (reply !== null) this.#waiting.get(reply.ref)?.(reply);
    else for (const end of [...this.#waiting.values()]) end(null);
  }

  /**
   * @param {any} reply
   * @returns {Outcome}
   */
  #outcomeOf(reply) {
    if (reply.ok) return { ok: true, job: reply.job, healedJobId: reply.healed_job_id ?? null };
    const problem = parseProblem(reply.problem ?? reply);
    return { ok: false, problem: problem ?? ownProblem("answer_invalid", this.#language) };
  }

  /** @param {JobView} job */
  #learn(job) {
    if (this.#feed.learn(job)) this.#onLearned();
  }

  /** The net: if the feed has not brought this job by now, read it. @param {JobView} job */
  async #check(job) {
    if (this.#feed.state(job.tenant_id).fed(job.id)) return;
    if (!this.#http) return this.#connection.resync(job.tenant_id);
    try {
      this.#learn(await this.#http.request(`/v1/jobs/${encodeURIComponent(job.id)}`));
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // it was a net; the feed's own rules remain
    }
  }
}

/** The entries that have a value. @param {Record<string, unknown>} entries */
function given(entries) {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}
