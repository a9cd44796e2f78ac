/** The jobs that wait long, with the reason of each, as a store that hooks can read. */

/** @import { Reason } from "drena-client" */

/** @typedef {ReturnType<typeof longWaits>} LongWaits */

export function longWaits() {
  /** @type {Map<string, Reason | null>} */
  const reasons = new Map();
  /** @type {Set<() => void>} */
  const listeners = new Set();
  const tell = () => {
    for (const listener of [...listeners]) listener();
  };
  return {
    /** @param {() => void} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /**
     * @param {string} jobId
     * @returns {Reason | null | undefined} undefined: it does not wait long; null: it does, and nobody knows why
     */
    get(jobId) {
      return reasons.get(jobId);
    },
    /**
     * @param {string} jobId
     * @param {Reason | null} reason
     */
    set(jobId, reason) {
      reasons.set(jobId, reason);
      tell();
    },
    /** @param {string} jobId */
    delete(jobId) {
      if (reasons.delete(jobId)) tell();
    },
  };
}

/** So many long waits are told at once; the others are seen on their cards alone. */
const TOLD_AT_ONCE = 3;
const ONCE_MS = 10_000;

/**
 * Whether one more may be told now: who opens a page on which thirty integrations wait is not to be told thirty times.
 *
 * @param {() => number} [now]
 */
export function restraint(now = Date.now) {
  /** @type {number[]} */
  let told = [];
  return () => {
    told = told.filter((at) => now() - at < ONCE_MS);
    return told.length < TOLD_AT_ONCE && told.push(now()) > 0;
  };
}
