/**
 * A browser for tests: its clock stands still until a test moves it, its sockets are played by the test, its network
 * answers what the test says. Nothing here waits for real time.
 */

/** Lets everything that needs no time happen: promises, microtasks, fetches that are answered already. */
export async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
}

export class Clock {
  now = Date.parse("2026-03-01T12:00:00Z");
  /** How far the clock on the wall is ahead; timers do not look at it. */
  skew = 0;
  #timers = new Map();
  #next = 1;

  setTimeout(call, ms) {
    const wait = ms > 2 ** 31 - 1 ? 1 : Math.max(0, ms); // as browsers have it
    this.#timers.set(this.#next, { at: this.now + wait, call });
    return this.#next++;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  /** How long the timers that are set would still wait. */
  get waits() {
    return [...this.#timers.values()].map(({ at }) => at - this.now).sort((one, other) => one - other);
  }

  /** Let time pass; every timer fires at its moment. */
  async pass(ms) {
    const end = this.now + ms;
    await settle();
    for (let due = this.#due(end); due; due = this.#due(end)) {
      const [timer, { at, call }] = due;
      this.#timers.delete(timer);
      this.now = Math.max(this.now, at);
      call();
      await settle();
    }
    this.now = end;
  }

  /** The machine sleeps: the clock jumps, and timers fire only afterwards, all late. */
  async sleep(ms) {
    this.now += ms;
    await this.pass(0);
  }

  #due(end) {
    return [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at)[0];
  }
}

/** One socket, seen from the server. */
export class FakeSocket {
  readyState = 0;
  /** What the client has sent, parsed. */
  sent = [];
  /** With which code the client closed it; null while it has not. */
  closedWith = null;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close(code) {
    this.closedWith = code;
    this.readyState = 3;
  }

  /** The messages of this type. */
  of(type) {
    return this.sent.filter((message) => message.t === type);
  }

  accept() {
    this.readyState = 1;
    this.onopen?.({});
  }

  say(frame) {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  /** The server, or the network, ends it. */
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

export class FakeWorld {
  clock = new Clock();
  sockets = [];
  /** What was asked over HTTP: {method, path, query, headers, body}. */
  requests = [];
  /** How many of them wait for their answer. */
  waiting = 0;
  /** How the network answers: a function of such a request, to {status, body}, or an error to throw. */
  answer = () => new TypeError("fetch failed");
  online = true;
  visible = true;
  randomness = 0.5;
  #listeners = new Set();
  #keys = 0;

  /** What createClient takes as `world`. */
  get parts() {
    const world = this;
    return {
      now: () => world.clock.now + world.clock.skew,
      setTimeout: (call, ms) => world.clock.setTimeout(call, ms),
      clearTimeout: (timer) => world.clock.clearTimeout(timer),
      random: () => world.randomness,
      uuid: () => `key-${++world.#keys}`,
      WebSocket: class extends FakeSocket {
        constructor(url, protocols) {
          super(url, protocols);
          world.sockets.push(this);
        }
      },
      fetch: (url, init) => world.#fetch(url, init),
      isOnline: () => world.online,
      isVisible: () => world.visible,
      listen: (listener) => {
        world.#listeners.add(listener);
        return () => world.#listeners.delete(listener);
      },
    };
  }

  /** The newest socket. */
  get socket() {
    return this.sockets.at(-1);
  }

  get listeners() {
    return this.#listeners.size;
  }

  async happen(event) {
    if (event !== "visible") this.online = event === "online";
    for (const listener of [...this.#listeners]) listener(event);
    await this.clock.pass(0);
  }

  async #fetch(url, { method, headers, body, signal }) {
    const { pathname: path, searchParams } = new URL(url);
    const request = { method, path, query: Object.fromEntries(searchParams), headers, body: body && JSON.parse(body) };
    this.requests.push(request);
    const gone = new Promise((_, fail) =>
      signal.addEventListener("abort", () => fail(new DOMException("", "AbortError"))),
    );
    this.waiting += 1;
    const answer = await Promise.race([this.answer(request), gone]).finally(() => (this.waiting -= 1));
    if (answer instanceof Error) throw answer;
    const { status = 200, body: told } = answer;
    const text = typeof told === "string" ? told : JSON.stringify(told);
    return { status, ok: status < 300, text: async () => text };
  }
}
