/** The account of tries to connect, and the wait that follows from it. Pure. */

import { GOOD_AFTER_MS } from "./backoff.js";
import { delayAfter, ruleOf } from "./close-codes.js";

/** @import { End } from "./link.js" */

/** So many sockets in a row without `welcome`, and the long poll joins in. */
export const BLOCKED_AFTER = 2;

/** While the long poll works and no socket ever did, one is tried this often, give or take half. */
export const WAY_BACK_MS = 60_000;

export class Tries {
  #attempt = 0;
  #unwelcomed = 0;
  /** Whether a socket has ever come through here. */
  #proven = false;

  /** Whether websockets seem not to come through. */
  get blocked() {
    return this.#unwelcomed >= BLOCKED_AFTER;
  }

  /** Something changed that may have been in the way: the backoff starts over. */
  hurry() {
    this.#attempt = 0;
  }

  /** A person wants it now: nothing that went wrong counts any more. */
  startOver() {
    this.#attempt = this.#unwelcomed = 0;
  }

  welcomed() {
    this.#unwelcomed = 0;
    this.#proven = true;
  }

  /**
   * @param {End} end
   * @param {object} circumstances
   * @param {number} circumstances.now
   * @param {() => number} circumstances.random
   * @param {boolean} circumstances.polls whether the long poll works meanwhile
   * @param {boolean} circumstances.unopened there was no token to open a socket with
   * @returns {number} milliseconds until the next try
   */
  ended(end, { now, random, polls, unopened }) {
    if (end.welcomedAt !== null && now - end.welcomedAt >= GOOD_AFTER_MS) this.#attempt = 0;
    if (end.welcomedAt !== null || ruleOf(end.code) !== "back-off") this.#unwelcomed = 0;
    else if (!unopened) this.#unwelcomed += 1;
    const delay = delayAfter(end, this.#attempt, random);
    this.#attempt += 1;
    return polls && !this.#proven ? WAY_BACK_MS * (0.5 + random()) : delay;
  }
}
