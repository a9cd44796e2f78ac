/**
 * Which tenants are out of step, and how that was noticed: a delta beyond a gap, or a heartbeat that keeps naming an
 * offset that never came. Each is asked for once; if no snapshot follows, the connection itself is at fault.
 */

/** @import { World } from "./types.js" */
/** @import { Feed } from "./feed.js" */

/** A heartbeat may run ahead of the deltas on their way for this long. */
export const AHEAD_MS = 2_000;

/** A snapshot that was asked for comes within this time. */
export const SNAPSHOT_MS = 10_000;

/** When more tenants than this are out of step, one new connection is less to ask for than a snapshot of each. */
export const AT_ONCE = 10;

export class Resyncs {
  #world;
  #feed;
  #ask;
  #giveUp;
  /** @type {Map<string, any>} tenant → timer of the answer */
  #asked = new Map();
  /** @type {Map<string, any>} tenant → timer of the doubt */
  #doubts = new Map();

  /**
   * @param {World} world
   * @param {Feed} feed
   * @param {(tenant: string) => void} ask
   * @param {() => void} giveUp
   */
  constructor(world, feed, ask, giveUp) {
    this.#world = world;
    this.#feed = feed;
    this.#ask = ask;
    this.#giveUp = giveUp;
  }

  get any() {
    return this.#asked.size > 0;
  }

  /** @param {string} tenant */
  ask(tenant) {
    this.#feed.state(tenant).lose();
    if (this.#asked.has(tenant)) return;
    if (this.#asked.size >= AT_ONCE) return this.#giveUp();
    this.#asked.set(
      tenant,
      this.#world.setTimeout(() => this.#giveUp(), SNAPSHOT_MS),
    );
    this.#ask(tenant);
  }

  /** @param {string} tenant */
  done(tenant) {
    this.#world.clearTimeout(this.#asked.get(tenant));
    this.#asked.delete(tenant);
  }

  /** @param {Record<string, number>} offsets what a heartbeat says */
  compare(offsets) {
    for (const [tenant, offset] of Object.entries(offsets)) {
      const behind = () => this.#feed.state(tenant).offset < offset;
      if (!behind() || this.#doubts.has(tenant)) continue;
      const decide = () => {
        this.#doubts.delete(tenant);
        if (behind()) this.ask(tenant);
      };
      this.#doubts.set(tenant, this.#world.setTimeout(decide, AHEAD_MS));
    }
  }

  /** The connection is another one now. */
  clear() {
    for (const timer of [...this.#asked.values(), ...this.#doubts.values()]) this.#world.clearTimeout(timer);
    this.#asked.clear();
    this.#doubts.clear();
  }
}
