/** @import { End } from "./link.js" */
/** So many sockets in a row without `welcome`, and the long poll joins in. */
export const BLOCKED_AFTER: 2;
/** While the long poll works and no socket ever did, one is tried this often, give or take half. */
export const WAY_BACK_MS: 60000;
export class Tries {
    /** Whether websockets seem not to come through. */
    get blocked(): boolean;
    /** Something changed that may have been in the way: the backoff starts over. */
    hurry(): void;
    /** A person wants it now: nothing that went wrong counts any more. */
    startOver(): void;
    welcomed(): void;
    /**
     * @param {End} end
     * @param {object} circumstances
     * @param {number} circumstances.now
     * @param {() => number} circumstances.random
     * @param {boolean} circumstances.polls whether the long poll works meanwhile
     * @param {boolean} circumstances.unopened there was no token to open a socket with
     * @returns {number} milliseconds until the next try
     */
    ended(end: End, { now, random, polls, unopened }: {
        now: number;
        random: () => number;
        polls: boolean;
        unopened: boolean;
    }): number;
    #private;
}
import type { End } from "./link.js";
