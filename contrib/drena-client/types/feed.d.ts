/** @import { IntegrationView, JobView, Position, Tenant } from "./types.js" */
/**
 * @typedef {object} Taken what a frame did
 * @property {boolean} changed whether there is something new to show
 * @property {string | null} gap the tenant that must be asked for a snapshot
 * @property {string | null} inStep the tenant that this frame proves to be up to date
 */
export class Feed {
    /** @type {readonly Tenant[]} */
    tenants: readonly Tenant[];
    /**
     * The tenants this access may see, by name. What is known of others is forgotten: it may have been taken away.
     *
     * @param {readonly Tenant[]} tenants
     */
    setTenants(tenants: readonly Tenant[]): void;
    /** @param {string} tenant */
    state(tenant: string): TenantState;
    /** Whether a tenant's rows have ever been seen. @param {string} tenant */
    knows(tenant: string): boolean;
    /** Where each known tenant stands, to go on from there. @returns {Record<string, Position>} */
    positions(): Record<string, Position>;
    /**
     * @param {any} frame a `snapshot`, `delta` or `progress`
     * @returns {Taken}
     */
    take(frame: any): Taken;
    /**
     * Take a job that came in an answer.
     *
     * @param {JobView} job
     * @returns {boolean} whether there is something new to show
     */
    learn(job: JobView): boolean;
    /** @returns {JobView[]} newest first */
    jobs(): JobView[];
    /** @returns {IntegrationView[]} */
    integrations(): IntegrationView[];
    #private;
}
/**
 * what a frame did
 */
export type Taken = {
    /**
     * whether there is something new to show
     */
    changed: boolean;
    /**
     * the tenant that must be asked for a snapshot
     */
    gap: string | null;
    /**
     * the tenant that this frame proves to be up to date
     */
    inStep: string | null;
};
import type { Tenant } from "./types.js";
import { TenantState } from "./tenant-state.js";
import type { Position } from "./types.js";
import type { JobView } from "./types.js";
import type { IntegrationView } from "./types.js";
