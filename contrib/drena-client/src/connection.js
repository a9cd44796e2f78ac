/**
 * Keeps the feed running: when to connect, what an end means, when to go round by HTTP, and in which state all of that
 * is. What the frames say is none of its business, only whether they are in step.
 *
 * Rules
 *   - A token is fetched before every connect, and again when the server says that the session's is about to expire.
 *   - The wait before a reconnect starts over once a connection has held ten seconds, and when the person comes back:
 *     network up again, tab visible again.
 *   - `live` is said only when every tenant has been confirmed on the present connection, never on opening it.
 *   - After two sockets in a row that never came to `welcome`, the long poll runs beside the tries; a socket that is in
 *     step again ends it. Its first answer is a sign that the server is back, so a socket is tried at once.
 */

import { problemOf, ruleOf } from "./close-codes.js";
import { connectionState } from "./connection-state.js";
import { LEFT, Link, SILENT } from "./link.js";
import { Poller, WAIT_S } from "./poller.js";
import { AT_ONCE, Resyncs } from "./resyncs.js";
import { covers, Steps } from "./steps.js";
import { Tokens } from "./tokens.js";
import { Tries } from "./tries.js";

/** @import { ConnectionState, Language, Problem, World } from "./types.js" */
/** @import { End } from "./link.js" */
/** @import { Feed } from "./feed.js" */
/** @import { Http } from "./http.js" */

/** An answer of the long poll that is older than this is missing. */
const POLL_STALE_MS = WAIT_S * 1000 + 10_000;

const CLIENT = { name: "drena-client", version: "0.1.0" };

export class Connection {
  /** @type {Problem | null} */
  #problem = null;
  /** Whether the server refused this client for good. */
  stopped = false;
  /** The last moment everything shown was known to be right. @type {number | null} */
  rightAt = null;
  /** How far the server's clock is ahead of this one, in milliseconds. */
  clockAhead = 0;

  #world;
  #url;
  #language;
  #feed;
  #onChange;
  #onReply;
  #resyncs;
  /** @type {Poller | null} */
  #poller = null;
  /** @type {"*" | Set<string>} */
  #wanted = new Set();
  /** @type {"*" | Set<string>} what the present connection was opened for */
  #asked = new Set();
  #open = false;
  /** @type {Link | null} */
  #link = null;
  /** @type {any} */
  #retryTimer = null;
  #tries = new Tries();
  #generation = 0;
  #tokens;
  #steps = new Steps();
  /** @type {number | null} */
  #offlineAt = null;
  #unlisten = () => {};

  /**
   * @param {World} world
   * @param {object} options
   * @param {string | undefined} options.url
   * @param {(reason: { renew: boolean }) => Promise<string | null>} options.getToken
   * @param {Language} options.language
   * @param {Feed} options.feed
   * @param {Http | null} options.http
   * @param {(rows: boolean) => void} options.onChange something changed; `rows`: among them what the feed knows
   * @param {(reply: any | null) => void} options.onReply an answer to a command; null: no more answers will come
   */
  constructor(world, { url, getToken, language, feed, http, onChange, onReply }) {
    this.#world = world;
    this.#url = url;
    this.#tokens = new Tokens(world, getToken, language);
    this.#language = language;
    this.#feed = feed;
    this.#onChange = onChange;
    this.#onReply = onReply;
    this.#resyncs = new Resyncs(
      world,
      feed,
      (tenant) => this.#askAgain(tenant),
      () => this.#link?.end(SILENT),
    );
    if (http) this.#poller = this.#openPoller(http);
  }

  /** @returns {ConnectionState} */
  get state() {
    const socket = this.transport === "socket" ? this.#link : null;
    const polledAt = this.transport === "poll" ? this.#poller?.answeredAt : null;
    return connectionState({
      stopped: this.stopped,
      offlineAt: this.#offlineAt,
      heardAt: socket?.heardAt ?? polledAt ?? null,
      staleMs: socket?.staleMs ?? POLL_STALE_MS,
      behind: this.#resyncs.any,
      now: this.#world.now(),
    });
  }

  /** What keeps everything in step; null while nothing does. @returns {"socket" | "poll" | null} */
  get transport() {
    if (this.#link && this.#steps.complete) return "socket";
    return this.#poller?.healthy && this.#poller.steps.complete ? "poll" : null;
  }

  /** Whether commands can go over the socket. */
  get canSend() {
    return this.transport === "socket" && this.state === "live";
  }

  /** Why the client stopped trying, or why it cannot. */
  get problem() {
    return this.#problem ?? this.#tokens.problem;
  }

  /** @param {unknown} message */
  send(message) {
    return this.#link?.send(message) ?? false;
  }

  /**
   * Keep these tenants in step from now on.
   *
   * @param {"*" | Set<string>} tenants
   */
  want(tenants) {
    this.#wanted = tenants;
    if (!this.#open) {
      this.#open = true;
      this.stopped = false;
      this.#problem = null;
      this.#tries.startOver();
      this.#offlineAt = this.#world.isOnline() ? null : this.#world.now();
      this.#unlisten = this.#world.listen((event) => this.#happened(event));
      this.#retryIn(0); // not now: more of them are on their way in the same moment
    } else if (!this.stopped && !covers(this.#asked, tenants) && this.#retryTimer === null && !this.#link?.opening) {
      this.#abandon();
      this.#retryIn(0);
    }
  }

  /** Let go of everything; what is known stays. */
  leave() {
    this.#open = false;
    this.#unlisten();
    this.#abandon();
    this.#offlineAt = null;
    this.#onChange(false);
  }

  /** Try now, whatever happened before: after a sign-in, or because a person asks. */
  reconnect() {
    if (!this.#open) return;
    this.stopped = false;
    this.#tries.startOver();
    this.#problem = null;
    this.#abandon();
    this.#connect();
  }

  /** Read everything anew. @returns {boolean} whether there is anything to wait for */
  refresh() {
    if (!this.#open) return false;
    const tenants = this.#feed.tenants.map(({ id }) => id);
    if (this.canSend && tenants.length <= AT_ONCE) {
      for (const id of tenants) this.#resyncs.ask(id);
    } else {
      for (const id of tenants) this.#feed.state(id).lose();
      this.reconnect();
    }
    return true;
  }

  /** The tenant's rows are wanted anew. @param {string} tenant */
  resync(tenant) {
    this.#resyncs.ask(tenant);
  }

  #abandon() {
    this.#generation += 1;
    this.#world.clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    const link = this.#link;
    this.#link = null;
    link?.end(LEFT);
    this.#poller?.stop();
    this.#steps.clear();
    this.#resyncs.clear();
    this.#onReply(null);
  }

  /** @param {number} ms */
  #retryIn(ms) {
    this.#world.clearTimeout(this.#retryTimer);
    this.#retryTimer = this.#world.setTimeout(() => {
      this.#retryTimer = null;
      this.#connect();
    }, ms);
  }

  async #connect() {
    this.#asked = this.#wanted;
    if (!this.#url || this.#tries.blocked) this.#poller?.start();
    if (!this.#url) return;
    const generation = (this.#generation += 1);
    const token = await this.#tokens.fetch(false);
    if (generation !== this.#generation) return;
    if (token === undefined) return this.#ended({ code: 0, welcomedAt: null }, true);
    this.#tokens.current = token;
    try {
      /** @type {Link} */
      const link = new Link(this.#world, {
        url: this.#url,
        hello: () => this.#hello(token),
        onFrame: (frame) => this.#take(link, frame),
        onQuiet: () => this.#onChange(false),
        onEnd: (end) => this.#link === link && this.#ended(end),
      });
      this.#link = link;
    } catch {
      return this.#ended({ code: 0, welcomedAt: null }); // the browser forbids it, ws:// from an https:// page for one
    }
    this.#onChange(false);
  }

  /** The first message, for the tenants that are wanted by the time it is said. @param {string | null} token */
  #hello(token) {
    this.#asked = this.#wanted;
    const tenants = this.#wanted === "*" ? "*" : [...this.#wanted];
    return { t: "hello", token, tenants, resume: this.#feed.positions(), lang: this.#language, client: CLIENT };
  }

  /**
   * @param {End} end
   * @param {boolean} [unopened] there was no socket to end
   */
  #ended(end, unopened = false) {
    this.#link = null;
    this.#steps.clear();
    this.#resyncs.clear();
    this.#onReply(null);
    const rule = ruleOf(end.code);
    if (rule === "stop") return this.#stop(problemOf(end, this.#language));
    const { now, random } = this.#world;
    const polls = this.#poller?.healthy === true;
    this.#retryIn(this.#tries.ended(end, { now: now(), random, polls, unopened }));
    if (this.#tries.blocked) this.#poller?.start();
    this.#onChange(false);
  }

  /** @param {Problem} problem */
  #stop(problem) {
    this.#problem = problem;
    this.stopped = true;
    this.#abandon();
    this.#onChange(false);
  }

  /**
   * The surroundings changed.
   *
   * @param {"online" | "offline" | "visible"} event
   */
  #happened(event) {
    this.#offlineAt = this.#world.isOnline() ? null : (this.#offlineAt ?? this.#world.now());
    const link = this.#link;
    if (this.stopped) this.#tryNewToken();
    else if (event === "offline") link?.probe();
    else if (!link) this.#hurry();
    else if (link.welcomedAt === null) event === "online" && this.#replace(link);
    else if (this.#world.now() - link.heardAt >= link.hbMs) this.#replace(link);
    else if (event === "online") link.probe();
    this.#onChange(false);
  }

  /** Give up a socket that is probably dead, and open another at once. @param {Link} link */
  #replace(link) {
    link.end(SILENT);
    this.#hurry();
  }

  /** Do not wait for the backoff: what was in the way is gone. */
  #hurry() {
    this.#tries.hurry();
    if (this.#retryTimer !== null) this.#retryIn(0);
  }

  /** After a refusal the same token would be refused again; another one is worth a try. */
  async #tryNewToken() {
    const token = await this.#tokens.fetch(false);
    if (this.stopped && this.#open && token && token !== this.#tokens.current) this.reconnect();
  }

  /**
   * @param {Link} link
   * @param {any} frame
   */
  #take(link, frame) {
    switch (frame.t) {
      case "welcome":
        return this.#welcomed(frame);
      case "snapshot":
      case "delta":
      case "progress":
        return this.#apply(frame, this.#steps);
      case "hb":
        this.#beat(frame.offsets ?? {});
        break;
      case "auth_expiring":
        this.#renew(link, this.#world.now() + frame.in_s * 1000);
        break;
      case "reply":
        this.#onReply(frame);
    }
    this.#told(false); // whatever it was, it was a sign of life
  }

  /** @param {any} frame */
  #welcomed(frame) {
    this.#feed.setTenants(frame.tenants);
    this.#steps.expect(frame.tenants);
    this.clockAhead = (Date.parse(frame.server_time) || this.#world.now()) - this.#world.now();
    this.#tries.welcomed();
    this.#problem = null;
    this.#told(true);
  }

  /**
   * @param {any} frame
   * @param {Steps} steps
   */
  #apply(frame, steps) {
    const { changed, gap, inStep } = this.#feed.take(frame);
    if (gap !== null) this.#resyncs.ask(gap);
    if (inStep !== null) steps.confirm(inStep);
    if (inStep !== null && frame.t === "snapshot") this.#resyncs.done(inStep);
    this.#told(changed);
  }

  /** @param {Record<string, number>} offsets */
  #beat(offsets) {
    for (const [tenant, offset] of Object.entries(offsets)) {
      if (this.#feed.state(tenant).position?.offset === offset) this.#steps.confirm(tenant);
    }
    this.#resyncs.compare(offsets);
  }

  /** Something came. @param {boolean} rows */
  #told(rows) {
    if (this.#steps.complete) this.#poller?.stop();
    if (this.state === "live") this.rightAt = this.#world.now();
    this.#onChange(rows);
  }

  /** @param {string} tenant */
  #askAgain(tenant) {
    this.send({ t: "resync", tenant });
    this.#onChange(false);
  }

  /**
   * @param {Link} link
   * @param {number} until when the session's token ends
   */
  async #renew(link, until) {
    const token = await this.#tokens.renewed(until, () => this.#link === link);
    if (token) link.send({ t: "auth", token });
  }

  /** @param {Http} http */
  #openPoller(http) {
    /** @type {Poller} */
    const poller = new Poller(this.#world, http, {
      wanted: () => (this.#wanted === "*" ? null : [...this.#wanted]),
      tenants: (tenants) => this.#feed.setTenants(tenants),
      position: (tenant) => this.#feed.state(tenant).position,
      frame: (frame) => this.#apply(frame, poller.steps),
      change: (back) => {
        if (back && !this.#link) this.#hurry(); // the server answers again: so may its sockets
        this.#onChange(false);
      },
      refused: (problem) => this.#stop(problem),
    });
    return poller;
  }
}
