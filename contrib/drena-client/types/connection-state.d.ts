/** The one word for how far what is shown can be trusted. Pure. */
/** @import { ConnectionState } from "./types.js" */
/**
 * @param {object} facts
 * @param {boolean} facts.stopped the server refused this client for good
 * @param {number | null} facts.offlineAt since when the browser says that it has no network
 * @param {number | null} facts.heardAt when the server was last heard, on a way that has brought everything into step
 * @param {number} facts.staleMs the silence after which that is doubtful
 * @param {boolean} facts.behind whether something is known to be missing
 * @param {number} facts.now
 * @returns {ConnectionState}
 */
export function connectionState({ stopped, offlineAt, heardAt, staleMs, behind, now }: {
    stopped: boolean;
    offlineAt: number | null;
    heardAt: number | null;
    staleMs: number;
    behind: boolean;
    now: number;
}): ConnectionState;
import type { ConnectionState } from "./types.js";
