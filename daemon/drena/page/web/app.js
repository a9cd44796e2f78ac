/**
 * The page: its state, what changes it, and the one place where it is drawn.
 *
 *     configuration → session (a token, or none in open mode) → client (feed and HTTP) → state → picture
 *
 * Views are functions of this object. They draw as often as they like and change nothing but through the acts below.
 */

import { createClient } from "./client/index.js";
import { Acts } from "./acts.js";
import { render } from "./dom.js";
import { duration } from "./format.js";
import { cardOf, sortCards } from "./model.js";
import { Offices } from "./offices.js";
import { Resources } from "./resources.js";
import { Session } from "./session.js";
import { preferences } from "./preferences.js";
import { text } from "./texts.js";
import { Watch } from "./watch.js";
import { frame } from "./views/frame.js";

const TICK_MS = 1_000;
const TRY_AGAIN_MS = 3_000;
const NEWS_AFTER_MS = 2_000;
const REFUSED = new Set(["token_invalid", "token_expired", "unauthenticated", "token_unavailable"]);

const EMPTY = { jobs: [], integrations: [], tenants: [], connection: "reconnecting", asOf: null, loading: true, transport: null, problem: null };

class App {
  constructor(root) {
    this.root = root;
    this.preferences = preferences(() => this.changed());
    this.phase = "boot"; // boot, broken, signin, ready
    this.config = null;
    this.session = null;
    this.client = null;
    this.me = null;
    this.snapshot = EMPTY;
    this.tenants = null; // what is subscribed to: "*", or the ids of some offices
    this.route = routeOf(location.hash);
    this.ui = { search: "", filter: "all", notices: [], dialog: null, busy: new Set(), expanded: new Set(), said: "", pages: 1 };
    this.signin = { expired: false, error: "", busy: false, waiting: false };
    this.resources = new Resources(() => this.changed());
    this.offices = new Offices(this);
    this.acts = new Acts(this);
    this.watch = new Watch(this);
    this.drawing = false;
    this.indexed = null;
  }

  get lang() {
    return this.preferences.lang;
  }

  t(key, values) {
    return text(this.lang, key, values);
  }

  /** Now, by the server's clock, with which all its times are to be compared. */
  now() {
    return this.client?.serverNow() ?? Date.now();
  }

  async start() {
    addEventListener("hashchange", () => this.#navigated());
    document.addEventListener("visibilitychange", () => this.changed());
    setInterval(() => this.#tick(), TICK_MS);
    this.changed();
    while (!(await this.#configure())) await pause(TRY_AGAIN_MS);
    this.session = new Session(this.config.auth);
    this.session.onToken = () => void this.enter();
    await this.enter();
  }

  async #configure() {
    try {
      const answer = await fetch("page/config.json", { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      this.config = await answer.json();
      return true;
    } catch {
      this.phase = "broken";
      this.changed();
      return false;
    }
  }

  /** Sign in with the token there is; without one, ask for it. */
  async enter() {
    this.signin.waiting = this.session.canBeHanded && !this.session.token;
    this.changed();
    const token = await this.session.get();
    this.signin.waiting = false;
    if (token === null && !this.session.open) return this.#ask("");
    this.client ??= this.#open();
    try {
      const me = await this.client.request("/v1/me");
      this.#admit(me);
    } catch (error) {
      if (error?.problem === undefined) throw error;
      const unknown = error.problem.status === 401 || REFUSED.has(error.problem.code);
      if (unknown) this.session.refuse();
      this.#ask(unknown ? `${this.t("signin.refused")} ${error.problem.detail}` : this.t("signin.unreachable"));
      if (!unknown && this.session.open) await pause(TRY_AGAIN_MS).then(() => this.enter());
    }
  }

  #open() {
    const base = new URL(".", document.baseURI);
    const feed = this.config.feed_url ? new URL(this.config.feed_url, base) : null;
    if (feed?.protocol.startsWith("http")) feed.protocol = feed.protocol === "https:" ? "wss:" : "ws:";
    return createClient({
      feedUrl: feed?.href,
      httpUrl: base.href.replace(/\/$/, ""),
      getToken: ({ renew }) => this.session.get({ renew }),
      language: this.lang,
    });
  }

  #ask(error) {
    const expired = this.phase === "ready";
    Object.assign(this.signin, { error, busy: false, waiting: false, expired });
    if (!expired) this.phase = this.session.open ? "broken" : "signin";
    this.changed();
  }

  #admit(me) {
    const same = this.me !== null && this.me.subject === me.subject;
    if (!same) this.resources.clear();
    this.me = me;
    this.phase = "ready";
    this.signin = { expired: false, error: "", busy: false, waiting: false };
    this.answered = this.client.getSnapshot().problem; // it is that of the token before
    if (this.leave !== undefined) this.client.reconnect();
    this.follow();
    this.#heard();
  }

  /** Subscribe to the offices that are wanted now; the next subscription begins before the last one ends. */
  follow() {
    if (this.phase !== "ready") return;
    const wanted = this.offices.many ? this.offices.wanted() : "*";
    if (wanted === null || String(wanted) === String(this.tenants)) return;
    this.tenants = wanted;
    const before = this.leave;
    this.leave = this.client.subscribe(() => this.#heard(), wanted);
    before?.();
  }

  /** Another language: the client's problems are to speak it, too. */
  speak(lang) {
    this.preferences.setLang(lang);
    if (this.client === null) return;
    this.leave?.();
    Object.assign(this, { client: this.#open(), leave: undefined, tenants: null });
    this.follow();
  }

  #heard() {
    const heard = this.client.getSnapshot();
    if (heard.loading && !this.snapshot.loading && heard.problem === null) return; // a new client: what is shown stays until it has news
    this.snapshot = heard;
    const { problem } = this.snapshot;
    const news = problem !== null && problem !== this.answered; // one problem asks for one sign-in
    if (news && (REFUSED.has(problem.code) || problem.status === 401) && !this.signin.expired) this.#expire();
    this.watch.look();
    this.changed();
  }

  /**
   * The client goes on trying with an expired token, for it might be renewed; whether it was, a question tells. Whoever
   * leaves tokens in the storage may have left a new one since.
   */
  async #mindExpiry() {
    if (this.phase !== "ready" || this.session.open || this.asking) return;
    if (this.signin.expired) return void (this.session.hasNew() && this.enter());
    const over = this.me.expires_at && Date.parse(this.me.expires_at) < this.now();
    if (!over || this.snapshot.connection === "live") return;
    this.asking = true;
    try {
      this.me = await this.request("/v1/me", { tries: 1 });
    } catch (error) {
      if (error?.problem === undefined) throw error;
    } finally {
      this.asking = false;
    }
  }

  #expire() {
    this.answered = this.snapshot.problem;
    this.session.refuse();
    this.signin = { expired: true, error: "", busy: false, waiting: false };
    if (this.session.canBeHanded || this.config.auth.storage_key) void this.enter();
  }

  /** The token in hand is refused over HTTP, too. */
  refused(problem) {
    if (problem.status === 401 && !this.session.open && !this.signin.expired) {
      this.#expire();
      this.changed();
    }
  }

  signOut() {
    this.session.forget();
    location.reload();
  }

  /** Ask for something over HTTP. Throws what carries `problem`. */
  async request(path, options) {
    try {
      return await this.client.request(path, options);
    } catch (error) {
      if (error?.problem !== undefined) this.refused(error.problem);
      throw error;
    }
  }

  // What the feed told, by what views ask for.

  #index() {
    if (this.indexed?.of === this.snapshot) return this.indexed;
    const jobs = new Map();
    for (const job of this.snapshot.jobs) {
      const key = `${job.tenant_id}/${job.provider_slug}`;
      jobs.has(key) ? jobs.get(key).push(job) : jobs.set(key, [job]);
    }
    const offices = new Map();
    for (const tenant of [...(this.me?.tenants ?? []), ...this.snapshot.tenants]) offices.set(tenant.id, tenant);
    this.indexed = { of: this.snapshot, jobs, offices };
    return this.indexed;
  }

  jobsOf(integration) {
    return this.#index().jobs.get(`${integration.tenant_id}/${integration.provider_slug}`) ?? [];
  }

  integration(id) {
    return this.snapshot.integrations.find((each) => each.id === id) ?? null;
  }

  /**
   * The integration of the address, also while its office is not followed yet.
   *
   * @returns {import("./client/types.js").IntegrationView | null | undefined} undefined: not known yet; null: there is none
   */
  shownIntegration() {
    const { id } = this.route;
    if (!id) return null;
    const followed = this.integration(id);
    if (followed !== null || !this.offices.many) return followed;
    const { data, problem } = this.resources.need(`integration/${id}`, () => this.request(`/v1/integrations/${encodeURIComponent(id)}`));
    return data ?? (problem?.status === 404 ? null : undefined);
  }

  office(id) {
    const found = this.#index().offices.get(id);
    return found?.name || found?.slug || id;
  }

  provider(slug) {
    const { data } = this.resources.need("providers", async () => (await this.request("/v1/providers")).items, { everyMs: 600_000 });
    return data?.find((each) => each.slug === slug)?.name || slug;
  }

  name(integration) {
    return `${this.provider(integration.provider_slug)}, ${this.office(integration.tenant_id)}`;
  }

  card(integration) {
    return cardOf(integration, this.jobsOf(integration), this.now());
  }

  cards() {
    return sortCards(this.snapshot.integrations.map((each) => this.card(each)), {
      office: (id) => this.office(id),
      provider: (slug) => this.provider(slug),
    });
  }

  mayManage(tenantId) {
    if (this.me === null) return false;
    if (this.me.kind !== "user") return true;
    const role = this.me.tenants?.find((each) => each.id === tenantId)?.role;
    return role === undefined || role !== "staff";
  }

  /** The connection in words: `said`, and unless it is live `age`, that of what is shown, or `why` there will be none. */
  connection() {
    const { connection, asOf, transport, problem } = this.snapshot;
    if (connection === "offline" && problem !== null) return { state: "offline", said: problem.title, age: "", why: problem.detail };
    if (connection === "live") return { state: "live", said: this.t(transport === "poll" ? "connection.polling" : "connection.live"), age: "" };
    const state = this.signin.expired ? "stale" : connection;
    if (asOf === null) return { state, said: this.t(state === "offline" ? "connection.offline" : "connection.connecting"), age: "" };
    const age = duration(this.lang, (Date.now() - asOf.getTime()) / 1000, true);
    return { state, said: this.t(`connection.${state}`), age: this.t("connection.age", { age }) };
  }

  /** Whether what is shown may be old, for longer than a blink. */
  get outOfTouch() {
    const { connection, asOf } = this.snapshot;
    return this.phase === "ready" && connection !== "live" && asOf !== null && Date.now() - asOf.getTime() > NEWS_AFTER_MS;
  }

  // Drawing.

  changed() {
    if (this.drawing) return;
    this.drawing = true;
    const draw = () => {
      this.drawing = false;
      this.#draw();
    };
    document.hidden ? setTimeout(draw, 250) : requestAnimationFrame(draw);
  }

  #draw() {
    document.documentElement.lang = this.lang === "pt" ? "pt-BR" : "en";
    render(this.root, frame(this));
    this.watch.drawn();
    if (this.offices.many) this.follow();
  }

  #tick() {
    this.acts.expireNotices();
    this.resources.tidy();
    void this.#mindExpiry();
    if (!document.hidden) this.changed();
  }

  #navigated() {
    this.route = routeOf(location.hash);
    this.ui.expanded.clear();
    this.follow();
    scrollTo(0, 0);
    this.changed();
    this.watch.navigated();
  }
}

/** The address of a view stands behind the #, so that any prefix in front of the page works. */
function routeOf(hash) {
  const [name, id] = hash.replace(/^#\/?/, "").split("/");
  if (name === "integration" && id) return { name, id };
  return { name: name === "nodes" ? "nodes" : "overview", id: null };
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

void new App(document.getElementById("app")).start();
