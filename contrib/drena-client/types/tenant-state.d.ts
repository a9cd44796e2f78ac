/**
 * @param {JobView} one
 * @param {JobView} other
 */
export function newestFirst(one: JobView, other: JobView): number;
/**
 * What is known of one tenant, and the rules by which frames change it. Pure: no clock, no socket.
 *
 * The server numbers a tenant's changes without a hole. So a frame is either old (dropped), next (applied) or beyond a
 * gap; a gap is never papered over, it is told to the caller, who asks for a snapshot. Rows carry versions of their
 * own: the answer to a click, a row of the feed and a row read over HTTP may arrive in any order, and no older one wins.
 * Of the same version the feed's is taken: what belongs to a row may change beside it (an integration's schedule).
 *
 * `progress` frames lie outside the numbering. They are kept beside the row they speak of, never in its place, so that
 * one that comes late cannot take back what a newer row says.
 */
/** @import { Delta, IntegrationView, JobView, Position, Progress, Snapshot } from "./types.js" */
/** How many ended jobs of an integration are kept; the server's snapshot has 20. */
export const ENDED_KEPT: 50;
export function isActive(job: {
    status: string;
}): boolean;
/**
 * @typedef {object} Row
 * @property {number} version
 * @property {any} view
 * @property {boolean} fed whether it came over the feed, rather than in an answer to this client
 * @property {number} progressVersion the version of the last progress frame
 */
export class TenantState {
    /** Where a new connection may go on; undefined asks for a snapshot. */
    get position(): Position | undefined;
    /** The last offset applied; -1 before the first snapshot. */
    get offset(): number;
    /** Whether a snapshot has ever been seen. */
    get known(): boolean;
    /** Forget the place in the log, not the rows: the next frame must be a snapshot. */
    lose(): void;
    /**
     * Take a snapshot, or a part of one. It replaces everything once its last part is in.
     *
     * @param {Snapshot} frame
     * @returns {"applied" | "gap" | "partial"} `gap`: a delta that came between its parts does not follow it
     */
    snapshot(frame: Snapshot): "applied" | "gap" | "partial";
    /**
     * Take a delta. It covers the offsets `from` to `to`.
     *
     * @param {Delta} frame
     * @returns {"applied" | "dropped" | "gap" | "held"}
     */
    delta(frame: Delta): "applied" | "dropped" | "gap" | "held";
    /**
     * @param {Progress} frame
     * @returns {boolean} whether it changed anything
     */
    progress(frame: Progress): boolean;
    /**
     * Take a row that did not come over the feed: the answer to a click, a job read over HTTP.
     *
     * @param {"job" | "integration"} kind
     * @param {any} view
     * @returns {boolean} whether it changed anything
     */
    learn(kind: "job" | "integration", view: any): boolean;
    /**
     * Whether this job's row, as far as it is known, came over the feed.
     *
     * @param {string} id
     */
    fed(id: string): boolean;
    /** @returns {JobView[]} newest first */
    jobs(): JobView[];
    /** @returns {IntegrationView[]} */
    integrations(): IntegrationView[];
    #private;
}
export type Row = {
    version: number;
    view: any;
    /**
     * whether it came over the feed, rather than in an answer to this client
     */
    fed: boolean;
    /**
     * the version of the last progress frame
     */
    progressVersion: number;
};
import type { JobView } from "./types.js";
import type { Position } from "./types.js";
import type { Snapshot } from "./types.js";
import type { Delta } from "./types.js";
import type { Progress } from "./types.js";
import type { IntegrationView } from "./types.js";
