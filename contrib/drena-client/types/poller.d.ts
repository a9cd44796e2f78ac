/** @import { Position, Problem, Tenant, World } from "./types.js" */
/** @import { Http } from "./http.js" */
/** How many requests wait at a time: a browser opens six connections to a host, and the page needs some. */
export const AT_ONCE: 3;
/** How long the server may hold a request when every tenant has one. */
export const WAIT_S: 25;
/** The same when tenants take turns. */
export const TURN_S: 2;
export class Poller {
    /**
     * @param {World} world
     * @param {Http} http
     * @param {object} on
     * @param {() => string[] | null} on.wanted the tenants to poll; null: all that there are
     * @param {(tenants: Tenant[]) => void} on.tenants
     * @param {(tenant: string) => Position | undefined} on.position
     * @param {(frame: any) => void} on.frame
     * @param {(back: boolean) => void} on.change it was answered, or not; `back`: for the first time, or again
     * @param {(problem: Problem) => void} on.refused polling is over: this access is not good for it
     */
    constructor(world: World, http: Http, on: {
        wanted: () => string[] | null;
        tenants: (tenants: Tenant[]) => void;
        position: (tenant: string) => Position | undefined;
        frame: (frame: any) => void;
        change: (back: boolean) => void;
        refused: (problem: Problem) => void;
    });
    /** Which tenants polling has brought into step. */
    steps: Steps;
    /** Whether the last question was answered. */
    healthy: boolean;
    /** When that was. */
    answeredAt: number;
    get running(): boolean;
    start(): void;
    stop(): void;
    /**
     * One frame of one tenant: what happened since its position, or a snapshot.
     *
     * @param {string} tenant
     * @param {number} waitS
     * @param {AbortSignal} [signal]
     * @returns {Promise<any>}
     */
    poll(tenant: string, waitS: number, signal?: AbortSignal): Promise<any>;
    #private;
}
import { Steps } from "./steps.js";
import type { World } from "./types.js";
import type { Http } from "./http.js";
import type { Tenant } from "./types.js";
import type { Position } from "./types.js";
import type { Problem } from "./types.js";
