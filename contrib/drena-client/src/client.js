/**
 * The client: what an application calls. It puts the parts together and keeps the one thing that all of them share, the
 * snapshot that user interfaces show.
 *
 * Subscriptions are counted. The first one opens the connection; the socket outlives the last one by a second, because
 * React's StrictMode and every change of page unsubscribe only to subscribe again.
 */

import { Commands } from "./commands.js";
import { Connection } from "./connection.js";
import { Feed } from "./feed.js";
import { Http } from "./http.js";
import { ownProblem, Refused } from "./problems.js";
import { openWorld } from "./world.js";

/** @import { ClientOptions, FeedSnapshot, Outcome, Reason, World } from "./types.js" */
/** @import { RequestOptions } from "./http.js" */

/** How long the socket stays after the last unsubscribe. */
export const LINGER_MS = 1_000;

/** How long `refetch` waits. */
const REFETCH_MS = 10_000;

/** @type {FeedSnapshot} */
const NOTHING = Object.freeze({
  jobs: Object.freeze([]),
  integrations: Object.freeze([]),
  tenants: Object.freeze([]),
  connection: "reconnecting",
  asOf: null,
  loading: true,
  transport: null,
  problem: null,
});

export class DrenaClient {
  /** @type {World} */
  #world;
  /** @type {Http | null} */
  #http;
  #feed = new Feed();
  #connection;
  #commands;
  #language;
  #lingerMs;
  /** @type {Map<object, { listener: () => void, tenants: "*" | readonly string[] }>} */
  #subscriptions = new Map();
  /** @type {any} */
  #lingering = null;
  /** @type {FeedSnapshot} */
  #snapshot = NOTHING;
  #rowsChanged = false;
  /** @type {Set<() => void>} those who wait for a refetch */
  #waiting = new Set();
  #fresh = true;

  /** @param {ClientOptions} options */
  constructor({ feedUrl, httpUrl, getToken, language = "pt", lingerMs = LINGER_MS, world } = {}) {
    const somewhere = feedUrl != null || httpUrl != null;
    if (!somewhere) throw new TypeError("drena-client needs feedUrl, httpUrl, or both");
    this.#world = openWorld(world);
    this.#language = language;
    this.#lingerMs = lingerMs;
    const token = async (reason = { renew: false }) => (getToken ? await getToken(reason) : null);
    this.#http = httpUrl == null ? null : new Http(this.#world, httpUrl, token, language);
    this.#connection = new Connection(this.#world, {
      url: feedUrl == null ? undefined : socketUrl(feedUrl),
      getToken: token,
      language,
      feed: this.#feed,
      http: this.#http,
      onChange: (rows) => this.#changed(rows),
      onReply: (reply) => this.#commands.replied(reply),
    });
    this.#commands = new Commands(this.#world, {
      connection: this.#connection,
      http: this.#http,
      feed: this.#feed,
      language,
      onLearned: () => this.#changed(true),
    });
  }

  /**
   * Be told of every change, from now on; read it with `getSnapshot`. The first subscription connects.
   *
   * @param {() => void} listener
   * @param {"*" | readonly string[]} [tenants] the ids of the tenants to keep in step; all that the token may see if
   *   left out. They are kept in step for everybody: a snapshot holds the tenants of all subscriptions.
   * @returns {() => void} ends the subscription
   */
  subscribe = (listener, tenants = "*") => {
    const ticket = {};
    this.#subscriptions.set(ticket, { listener, tenants });
    this.#want();
    return () => {
      if (this.#subscriptions.delete(ticket)) this.#want();
    };
  };

  /** What to show now. The same object until something changes. @returns {FeedSnapshot} */
  getSnapshot = () => {
    if (!this.#fresh) this.#refresh();
    return this.#snapshot;
  };

  /** What to show before anything is known, on a server that renders pages. @returns {FeedSnapshot} */
  getServerSnapshot = () => NOTHING;

  /**
   * Ask for a job: over the feed while it is live, else over HTTP. It is never asked for twice: whatever is repeated
   * carries the same key.
   *
   * @param {{ tenantId: string, providerSlug: string, lane?: string, payload?: unknown }} what
   * @returns {Promise<Outcome>}
   */
  run(what) {
    return this.#commands.run(what);
  }

  /**
   * @param {string} jobId
   * @returns {Promise<Outcome>}
   */
  cancel(jobId) {
    return this.#commands.act("cancel", jobId);
  }

  /**
   * Ask for an ended job again.
   *
   * @param {string} jobId
   * @returns {Promise<Outcome>}
   */
  retry(jobId) {
    return this.#commands.act("retry", jobId);
  }

  /**
   * Why a job is not running.
   *
   * @param {string} jobId
   * @returns {Promise<Reason>}
   * @throws {Refused}
   */
  why(jobId) {
    return this.request(`/v1/jobs/${encodeURIComponent(jobId)}/why`);
  }

  /**
   * Any other call of the HTTP API.
   *
   * @param {string} path from `/v1/` on
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} the body
   * @throws {Refused} with the problem in it, whatever went wrong
   */
  request(path, options) {
    if (!this.#http) return Promise.reject(new Refused(ownProblem("unreachable", this.#language)));
    return this.#http.request(path, options);
  }

  /**
   * Read everything anew, for a person who asks. There is no need to call this: gaps are found and closed without it.
   *
   * @returns {Promise<void>} settled once it is there, or cannot be had
   */
  refetch() {
    if (!this.#connection.refresh()) return Promise.resolve();
    return new Promise((settle) => {
      const end = () => {
        this.#world.clearTimeout(timer);
        this.#waiting.delete(end);
        settle();
      };
      const timer = this.#world.setTimeout(end, REFETCH_MS);
      this.#waiting.add(end);
    });
  }

  /** Try now, whatever happened before: after a sign-in, or because a person asks. */
  reconnect() {
    this.#connection.reconnect();
  }

  /** The server's clock, in milliseconds since 1970, as well as it is known. */
  serverNow() {
    return this.#world.now() + this.#connection.clockAhead;
  }

  #want() {
    const lists = [...this.#subscriptions.values()].map(({ tenants }) => tenants);
    const wanted = lists.includes("*") ? "*" : new Set(lists.flat());
    if (wanted === "*" || wanted.size > 0) {
      this.#world.clearTimeout(this.#lingering);
      this.#lingering = null;
      this.#connection.want(wanted);
    } else {
      this.#lingering ??= this.#world.setTimeout(() => this.#leave(), this.#lingerMs);
    }
  }

  #leave() {
    this.#lingering = null;
    this.#connection.leave();
  }

  /** @param {boolean} rows */
  #changed(rows) {
    this.#rowsChanged ||= rows;
    this.#fresh = false;
    queueMicrotask(() => {
      if (this.#connection.stopped || this.#connection.state === "live") for (const end of [...this.#waiting]) end();
      if (!this.#refresh()) return;
      for (const { listener } of [...this.#subscriptions.values()]) listener();
    });
  }

  /** @returns {boolean} whether the snapshot is another one now */
  #refresh() {
    this.#fresh = true;
    const before = this.#snapshot;
    const { state, transport, problem, rightAt, stopped } = this.#connection;
    const rows = this.#rowsChanged;
    this.#rowsChanged = false;
    const asOf = rightAt === null ? null : before.asOf?.getTime() === rightAt ? before.asOf : new Date(rightAt);
    const loading = before.loading && transport === null && !stopped;
    const same = !rows && before.connection === state && before.transport === transport && before.problem === problem;
    if (same && before.asOf === asOf && before.loading === loading) return false;
    this.#snapshot = Object.freeze({
      jobs: rows ? kept(before.jobs, this.#feed.jobs()) : before.jobs,
      integrations: rows ? kept(before.integrations, this.#feed.integrations()) : before.integrations,
      tenants: this.#feed.tenants,
      connection: state,
      asOf,
      loading,
      transport,
      problem,
    });
    return true;
  }
}

/**
 * @param {ClientOptions} options
 * @returns {DrenaClient}
 */
export function createClient(options) {
  return new DrenaClient(options);
}

/**
 * The list before, if the list now holds the same objects: what did not change should not be drawn again.
 *
 * @template T
 * @param {readonly T[]} before
 * @param {readonly T[]} now
 */
function kept(before, now) {
  return before.length === now.length && now.every((each, at) => each === before[at]) ? before : now;
}

/**
 * A websocket URL from whatever the page was given: absolute or relative, `ws` or `http`.
 *
 * @param {string} url
 */
function socketUrl(url) {
  return new URL(url, globalThis.location?.href).href.replace(/^http/, "ws");
}
