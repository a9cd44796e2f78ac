/** A client in a fake world, and the words of the protocol. */

import { createClient } from "drena-client";

import { FakeWorld } from "./world.js";

export const TENANT = "10000000-0000-4000-8000-000000000001";
export const OTHER = "20000000-0000-4000-8000-000000000002";
export const EPOCH = "aaaaaaaa-0000-4000-8000-000000000000";

export function job(number, more = {}) {
  const id = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  const created = new Date(Date.parse("2026-03-01T11:00:00Z") + number * 1000).toISOString();
  const times = { run_at: created, created_at: created, started_at: null, finished_at: null, execution_time_ms: null };
  const counts = {
    priority: 0,
    attempts: 0,
    max_attempts: 3,
    rescues: 0,
    progress: 0,
    progress_detail: null,
    version: 1,
  };
  const end = { error_code: null, error_message: null, result: null, created_by: null, cancel_requested_at: null };
  return {
    id,
    tenant_id: TENANT,
    provider_slug: "acessorias",
    lane: "",
    status: "pending",
    ...times,
    ...counts,
    ...end,
    ...more,
  };
}

export function integration(number, more = {}) {
  const id = `30000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  const last = { last_status: null, last_error: null, last_run: null, schedule: null, next_at: null };
  return {
    id,
    tenant_id: TENANT,
    provider_slug: "acessorias",
    is_enabled: true,
    paused: false,
    ...last,
    version: 1,
    ...more,
  };
}

export function snapshot(offset, jobs = [], more = {}) {
  return { t: "snapshot", tenant: TENANT, epoch: EPOCH, offset, part: 1, parts: 1, jobs, integrations: [], ...more };
}

export function delta(from, to, jobs = [], more = {}) {
  const rows = jobs.map((each) => ({ k: `job:${each.id}`, v: each.version, d: each }));
  return { t: "delta", tenant: TENANT, from, to, rows, ...more };
}

export function welcome(tenants = [TENANT], more = {}) {
  const named = tenants.map((id) => ({ id, slug: id.slice(0, 4), name: `Escritório ${id[0]}` }));
  return {
    t: "welcome",
    node: "n",
    hb_ms: 15_000,
    exp: null,
    tenants: named,
    server_time: "2026-03-01T12:00:00Z",
    ...more,
  };
}

/** A client in a world of its own, subscribed once. */
export class Stage {
  world = new FakeWorld();
  /** Every state of the connection that a listener saw, without repeats. */
  states = [];
  tokens = [];
  #token = 0;

  constructor({ tenants = "*", subscribe = true, ...options } = {}) {
    this.client = createClient({
      feedUrl: "wss://drena.test/feed",
      getToken: async (reason) => {
        this.tokens.push(reason);
        return `token-${++this.#token}`;
      },
      ...options,
      world: this.world.parts,
    });
    if (subscribe) this.unsubscribe = this.subscribe(tenants);
  }

  subscribe(tenants = "*") {
    return this.client.subscribe(() => this.#look(), tenants);
  }

  #look() {
    const { connection } = this.client.getSnapshot();
    if (this.states.at(-1) !== connection) this.states.push(connection);
  }

  get shown() {
    return this.client.getSnapshot();
  }

  get socket() {
    return this.world.socket;
  }

  pass(ms) {
    return this.world.clock.pass(ms);
  }

  /** Come to a live connection that holds these jobs at this offset. */
  async live(jobs = [], { offset = 10, tenants = [TENANT], ...more } = {}) {
    await this.pass(0);
    this.socket.accept();
    this.socket.say(welcome(tenants, more));
    for (const tenant of tenants) this.socket.say(snapshot(offset, tenant === TENANT ? jobs : [], { tenant }));
    await this.pass(0);
    return this.socket;
  }

  /** The next socket, once the client has opened it, within this time. */
  async next(ms = 0) {
    const before = this.world.sockets.length;
    await this.pass(ms);
    if (this.world.sockets.length !== before + 1)
      throw new Error(`${this.world.sockets.length - before} sockets were opened`);
    return this.socket;
  }

  async say(...frames) {
    for (const frame of frames) this.socket.say(frame);
    await this.pass(0);
  }

  async drop(code) {
    this.socket.drop(code);
    await this.pass(0);
  }
}
