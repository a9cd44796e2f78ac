/**
 * JSON over HTTP: a fresh token for every request, every answer read to its end, every failure a `Refused` that carries
 * a problem. What may safely be sent twice is sent again when nobody answered; a POST is that only with a key.
 */

import { fullJitter } from "./backoff.js";
import { ownProblem, parseProblem, Refused } from "./problems.js";

/** @import { Language, Problem, World } from "./types.js" */

const TRIES = 3;
const ANSWER_MS = 15_000;

/**
 * @typedef {object} RequestOptions
 * @property {string} [method]
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string | number | undefined | null>} [query]
 * @property {string} [key] an Idempotency-Key, which makes a POST safe to repeat
 * @property {number} [tries]
 * @property {number} [answerMs] how long an answer may take
 * @property {AbortSignal} [signal]
 */

export class Http {
  #world;
  #base;
  #getToken;
  #language;

  /**
   * @param {World} world
   * @param {string} base
   * @param {() => Promise<string | null>} getToken
   * @param {Language} language
   */
  constructor(world, base, getToken, language) {
    this.#world = world;
    this.#base = base.replace(/\/+$/, "");
    this.#getToken = getToken;
    this.#language = language;
  }

  /**
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} the body
   * @throws {Refused}
   */
  async request(path, options = {}) {
    const { method = "GET", key, signal } = options;
    const repeatable = method === "GET" || method === "HEAD" || key !== undefined;
    const tries = repeatable ? (options.tries ?? TRIES) : 1;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(path, options);
      } catch (error) {
        const problem = error instanceof Refused ? error.problem : null;
        if (!problem || problem.kind === "refused" || attempt + 1 >= tries || signal?.aborted) throw error;
      }
      await this.#pause(fullJitter(attempt, this.#world.random));
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((done) => this.#world.setTimeout(() => done(undefined), ms));
  }

  /**
   * @param {string} path
   * @param {RequestOptions} options
   */
  async #once(path, { method = "GET", body, query, key, answerMs = ANSWER_MS, signal }) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", "Accept-Language": this.#language };
    const token = await this.#getToken();
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key !== undefined) headers["Idempotency-Key"] = key;
    /** @type {RequestInit} */
    const init = { method, headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    const abort = new AbortController();
    init.signal = abort.signal;
    const leave = () => abort.abort();
    signal?.addEventListener("abort", leave);
    if (signal?.aborted) leave();
    const timer = this.#world.setTimeout(leave, answerMs);
    try {
      const answer = await this.#world.fetch(this.#base + path + queryOf(query), init);
      return this.#read(answer.status, answer.ok, await answer.text());
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused(ownProblem("unreachable", this.#language));
    } finally {
      this.#world.clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
    }
  }

  /**
   * @param {number} status
   * @param {boolean} ok
   * @param {string} text
   */
  #read(status, ok, text) {
    let body;
    try {
      body = text === "" ? null : JSON.parse(text);
    } catch {
      body = undefined;
    }
    if (ok && body !== undefined) return body;
    const kind = /** @type {Problem["kind"]} */ (ok || status < 500 ? "refused" : "unavailable");
    throw new Refused(parseProblem(body, status) ?? ownProblem("answer_invalid", this.#language, { status, kind }));
  }
}

/** @param {RequestOptions["query"]} query */
function queryOf(query = {}) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) words.set(name, String(value));
  }
  const text = words.toString();
  return text ? `?${text}` : "";
}
