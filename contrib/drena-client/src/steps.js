/** Which tenants one way of transport has brought into step. Pure. */

/** The account of one way, since it began. */
export class Steps {
  /** @type {Set<string> | null} null before it is known which ones there are */
  #missing = null;
  /** @type {Set<string>} */
  #confirmed = new Set();

  /** Whether everything is in step; never before it is known what everything is. */
  get complete() {
    return this.#missing?.size === 0;
  }

  /** @param {readonly { id: string }[]} tenants */
  expect(tenants) {
    this.#missing = new Set(tenants.map((tenant) => tenant.id).filter((id) => !this.#confirmed.has(id)));
  }

  /** @param {string} tenant */
  confirm(tenant) {
    this.#confirmed.add(tenant);
    this.#missing?.delete(tenant);
  }

  /** @param {string} tenant */
  has(tenant) {
    return this.#confirmed.has(tenant);
  }

  clear() {
    this.#missing = null;
    this.#confirmed.clear();
  }
}

/**
 * Whether a connection that asked for some tenants serves those that are wanted now.
 *
 * @param {"*" | Set<string>} asked
 * @param {"*" | Set<string>} wanted
 */
export function covers(asked, wanted) {
  if (asked === "*") return true;
  return wanted !== "*" && [...wanted].every((tenant) => asked.has(tenant));
}
