/**
 * @typedef {object} WaitingOptions
 * @property {number} [afterMs]
 * @property {(job: JobView, reason: Reason | null, first: boolean) => void} onWaiting called when a job has waited long
 *   (`first`), and again with every new reason; the reason is null while it cannot be had
 * @property {(jobId: string) => void} [onOver] it waits no longer
 * @property {Partial<World>} [world]
 */
/**
 * Watch a client's jobs for long waits. It holds a subscription of its own for no tenant, so it keeps no socket open.
 *
 * @param {Pick<DrenaClient, "subscribe" | "getSnapshot" | "why" | "serverNow">} client
 * @param {WaitingOptions} options
 * @returns {() => void} ends the watch
 */
export function watchWaiting(client: Pick<DrenaClient, "subscribe" | "getSnapshot" | "why" | "serverNow">, { afterMs, onWaiting, onOver, world: own }: WaitingOptions): () => void;
/** @import { JobView, Reason, World } from "./types.js" */
/** @import { DrenaClient } from "./client.js" */
/** A job that has been pending for this long waits "long". */
export const WAITING_AFTER_MS: 60000;
/** How often the reason of one that goes on waiting is read again. */
export const AGAIN_MS: 60000;
export type WaitingOptions = {
    afterMs?: number | undefined;
    /**
     * called when a job has waited long
     * (`first`), and again with every new reason; the reason is null while it cannot be had
     */
    onWaiting: (job: JobView, reason: Reason | null, first: boolean) => void;
    /**
     * it waits no longer
     */
    onOver?: ((jobId: string) => void) | undefined;
    world?: Partial<World> | undefined;
};
import type { DrenaClient } from "./client.js";
import type { JobView } from "./types.js";
import type { Reason } from "./types.js";
import type { World } from "./types.js";
