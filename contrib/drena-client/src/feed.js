/** All tenants' states together, and what a frame means for them. Pure. */

import { newestFirst, TenantState } from "./tenant-state.js";

/** @import { IntegrationView, JobView, Position, Tenant } from "./types.js" */

/**
 * @typedef {object} Taken what a frame did
 * @property {boolean} changed whether there is something new to show
 * @property {string | null} gap the tenant that must be asked for a snapshot
 * @property {string | null} inStep the tenant that this frame proves to be up to date
 */

export class Feed {
  /** @type {readonly Tenant[]} */
  tenants = [];
  /** @type {Map<string, TenantState>} */
  #states = new Map();

  /**
   * The tenants this access may see, by name. What is known of others is forgotten: it may have been taken away.
   *
   * @param {readonly Tenant[]} tenants
   */
  setTenants(tenants) {
    this.tenants = tenants;
    const ids = new Set(tenants.map((tenant) => tenant.id));
    for (const id of this.#states.keys()) if (!ids.has(id)) this.#states.delete(id);
  }

  /** @param {string} tenant */
  state(tenant) {
    let state = this.#states.get(tenant);
    if (!state) this.#states.set(tenant, (state = new TenantState()));
    return state;
  }

  /** Whether a tenant's rows have ever been seen. @param {string} tenant */
  knows(tenant) {
    return this.#states.get(tenant)?.known === true;
  }

  /** Where each known tenant stands, to go on from there. @returns {Record<string, Position>} */
  positions() {
    /** @type {Record<string, Position>} */
    const found = {};
    for (const [id, state] of this.#states) if (state.position) found[id] = state.position;
    return found;
  }

  /**
   * @param {any} frame a `snapshot`, `delta` or `progress`
   * @returns {Taken}
   */
  take(frame) {
    if (frame.t === "progress") return { changed: this.#progress(frame), gap: null, inStep: null };
    const state = this.state(frame.tenant);
    const did = frame.t === "snapshot" ? state.snapshot(frame) : state.delta(frame);
    const changed = did === "applied" && (frame.t === "snapshot" || frame.rows.length > 0);
    return {
      changed,
      gap: did === "gap" ? frame.tenant : null,
      inStep: did === "applied" || did === "dropped" ? frame.tenant : null,
    };
  }

  /** @param {any} frame */
  #progress(frame) {
    if (frame.tenant !== undefined) return this.state(frame.tenant).progress(frame);
    return [...this.#states.values()].some((state) => state.progress(frame));
  }

  /**
   * Take a job that came in an answer.
   *
   * @param {JobView} job
   * @returns {boolean} whether there is something new to show
   */
  learn(job) {
    return this.state(job.tenant_id).learn("job", job);
  }

  /** @returns {JobView[]} newest first */
  jobs() {
    const states = [...this.#states.values()];
    if (states.length === 1) return states[0].jobs();
    return states.flatMap((state) => state.jobs()).sort(newestFirst);
  }

  /** @returns {IntegrationView[]} */
  integrations() {
    return [...this.#states.values()].flatMap((state) => state.integrations());
  }
}
