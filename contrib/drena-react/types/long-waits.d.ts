/** The jobs that wait long, with the reason of each, as a store that hooks can read. */
/** @import { Reason } from "drena-client" */
/** @typedef {ReturnType<typeof longWaits>} LongWaits */
export function longWaits(): {
    /** @param {() => void} listener */
    subscribe(listener: () => void): () => undefined;
    /**
     * @param {string} jobId
     * @returns {Reason | null | undefined} undefined: it does not wait long; null: it does, and nobody knows why
     */
    get(jobId: string): Reason | null | undefined;
    /**
     * @param {string} jobId
     * @param {Reason | null} reason
     */
    set(jobId: string, reason: Reason | null): void;
    /** @param {string} jobId */
    delete(jobId: string): void;
};
/**
 * Whether one more may be told now: who opens a page on which thirty integrations wait is not to be told thirty times.
 *
 * @param {() => number} [now]
 */
export function restraint(now?: () => number): () => boolean;
export type LongWaits = ReturnType<typeof longWaits>;
import type { Reason } from "drena-client";
