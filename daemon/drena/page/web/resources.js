/**
 * What the page reads over HTTP beside the feed: statistics, logs, reasons, nodes. A view says what it needs; whatever the
 * last picture needed is read again when its time is up, whatever it did not is let go. An answer that fails leaves the
 * last good one standing.
 */

const LET_GO_MS = 60_000;
const AGAIN_AFTER_FAILURE_MS = 5_000;

/**
 * @typedef {object} Resource
 * @property {any} data undefined until it was read once
 * @property {any} problem of the last try, null when it went well
 * @property {boolean} loading
 */

export class Resources {
  /**
   * @param {() => void} changed called when something was read
   */
  constructor(changed) {
    this.changed = changed;
    this.held = new Map();
  }

  /**
   * What is known of this now; it is read if need be.
   *
   * @param {string} key
   * @param {(before: any) => Promise<any>} load given what it returned last time
   * @param {{everyMs?: number, stamp?: any}} [when] read again after this time, or when the stamp is another
   * @returns {Resource}
   */
  need(key, load, { everyMs = Infinity, stamp } = {}) {
    const now = Date.now();
    let found = this.held.get(key);
    if (found === undefined) {
      found = { data: undefined, problem: null, loading: false, readAt: -Infinity, stamp: undefined };
      this.held.set(key, found);
    }
    Object.assign(found, { neededAt: now, load, everyMs, wanted: stamp });
    if (this.#due(found, now)) void this.#read(key, found);
    return found;
  }

  #due(found, now) {
    if (found.loading) return false;
    const waited = now - found.readAt;
    if (found.problem !== null && waited < AGAIN_AFTER_FAILURE_MS) return false;
    return found.problem !== null || found.stamp !== found.wanted || waited >= found.everyMs;
  }

  async #read(key, found) {
    found.loading = true;
    found.stamp = found.wanted;
    try {
      const data = await found.load(found.data);
      Object.assign(found, { data, problem: null });
    } catch (error) {
      if (error?.problem === undefined) throw error;
      found.problem = error.problem;
    } finally {
      Object.assign(found, { loading: false, readAt: Date.now() });
      if (this.held.get(key) === found) this.changed();
    }
  }

  /** Forget everything: another person signed in. */
  clear() {
    this.held.clear();
  }

  /** Let go of what no picture has needed for a while. */
  tidy() {
    const now = Date.now();
    for (const [key, found] of this.held) if (now - found.neededAt > LET_GO_MS && !found.loading) this.held.delete(key);
  }
}
