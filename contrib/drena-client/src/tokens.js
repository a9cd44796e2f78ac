/**
 * The application's access token: asked for anew whenever it is needed, never kept in place of asking. The last one is
 * remembered only to tell a new one from the one that was refused.
 */

import { ownProblem } from "./problems.js";

/** @import { Language, Problem, World } from "./types.js" */

/** How long `getToken` may take. */
export const TOKEN_MS = 15_000;

/** Between two looks for a renewed token. */
export const RENEW_MS = 5_000;

export class Tokens {
  /** The token of the present session. @type {string | null} */
  current = null;
  /** Why there is none. @type {Problem | null} */
  problem = null;
  #world;
  #getToken;
  #language;

  /**
   * @param {World} world
   * @param {(reason: { renew: boolean }) => Promise<string | null>} getToken
   * @param {Language} language
   */
  constructor(world, getToken, language) {
    this.#world = world;
    this.#getToken = getToken;
    this.#language = language;
  }

  /**
   * @param {boolean} renew whether the present one is about to expire
   * @returns {Promise<string | null | undefined>} null: the application has none; undefined: it could not say
   */
  async fetch(renew) {
    /** @type {any} */
    let timer;
    const late = new Promise((_, fail) => {
      timer = this.#world.setTimeout(() => fail(new Error("late")), TOKEN_MS);
    });
    try {
      const token = /** @type {string | null} */ (await Promise.race([this.#getToken({ renew }), late]));
      this.problem = null;
      return token ?? null;
    } catch {
      this.problem = ownProblem("token_unavailable", this.#language);
      return undefined;
    } finally {
      this.#world.clearTimeout(timer);
    }
  }

  /**
   * A token to go on with: the application is asked again and again until it has another one.
   *
   * @param {number} until when the present one ends
   * @param {() => boolean} wanted whether anybody still waits for it
   * @returns {Promise<string | null>} null: there was none in time
   */
  async renewed(until, wanted) {
    for (;;) {
      const token = await this.fetch(true);
      if (!wanted()) return null;
      if (token && token !== this.current) return (this.current = token);
      if (this.#world.now() + RENEW_MS >= until) return null;
      await new Promise((done) => this.#world.setTimeout(() => done(undefined), RENEW_MS));
      if (!wanted()) return null;
    }
  }
}
