/**
 * Which tenants are out of step, and how that was noticed: a delta beyond a gap, or a heartbeat that keeps naming an
 * offset that never came. Each is asked for once; if no snapshot follows, the connection itself is at fault.
 */
/** @import { World } from "./types.js" */
/** @import { Feed } from "./feed.js" */
/** A heartbeat may run ahead of the deltas on their way for this long. */
export const AHEAD_MS: 2000;
/** A snapshot that was asked for comes within this time. */
export const SNAPSHOT_MS: 10000;
/** When more tenants than this are out of step, one new connection is less to ask for than a snapshot of each. */
export const AT_ONCE: 10;
export class Resyncs {
    /**
     * @param {World} world
     * @param {Feed} feed
     * @param {(tenant: string) => void} ask
     * @param {() => void} giveUp
     */
    constructor(world: World, feed: Feed, ask: (tenant: string) => void, giveUp: () => void);
    get any(): boolean;
    /** @param {string} tenant */
    ask(tenant: string): void;
    /** @param {string} tenant */
    done(tenant: string): void;
    /** @param {Record<string, number>} offsets what a heartbeat says */
    compare(offsets: Record<string, number>): void;
    /** The connection is another one now. */
    clear(): void;
    #private;
}
import type { World } from "./types.js";
import type { Feed } from "./feed.js";
