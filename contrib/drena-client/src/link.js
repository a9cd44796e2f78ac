/**
 * One websocket from its opening to its end. It ends once, says so once, and nothing of it outlives that: every
 * handler belongs to this socket, so a late event of an old one cannot disturb the next.
 *
 * Whether the other side is alive is decided by timestamps. A timer that a sleeping tab fires an hour late finds an
 * hour of silence and ends the socket; a timer that was throttled finds a recent frame and leaves it alone.
 */

/** @import { World } from "./types.js" */

export const PROTOCOL = "drena.v1";

/** How long the way from opening to `welcome` may take. */
export const WELCOME_MS = 10_000;

/** How long the answer to a probe may take. */
export const PROBE_MS = 5_000;

/** What a heartbeat may be late before it counts as missed. */
export const GRACE_MS = 2_000;

/** Ends that this side decides; the server's are its close codes. */
export const LEFT = 1000;
export const SILENT = 1;
export const BROKEN = 2;

/**
 * @typedef {object} End
 * @property {number} code
 * @property {number} [retryMs]
 * @property {string} [reason] for whoever programs the client; in English
 * @property {number | null} welcomedAt
 */

export class Link {
  /** When the last frame came. */
  heardAt;
  /** @type {number | null} */
  welcomedAt = null;
  hbMs = 15_000;

  #world;
  #socket;
  #onFrame;
  #onQuiet;
  #onEnd;
  #ended = false;
  #frames = 0;
  /** @type {{ code?: number, retry_ms?: number, reason?: string }} what the server said before it left */
  #bye = {};
  /** @type {any} */
  #timer;
  /** @type {any} */
  #probeTimer = null;

  /**
   * @param {World} world
   * @param {object} options
   * @param {string} options.url
   * @param {() => unknown} options.hello makes the first message, once the socket is open
   * @param {(frame: any) => void} options.onFrame
   * @param {() => void} options.onQuiet a heartbeat is late
   * @param {(end: End) => void} options.onEnd
   */
  constructor(world, { url, hello, onFrame, onQuiet, onEnd }) {
    this.#world = world;
    this.#onFrame = onFrame;
    this.#onQuiet = onQuiet;
    this.#onEnd = onEnd;
    this.heardAt = world.now();
    this.#socket = new world.WebSocket(url, [PROTOCOL]); // throws where the page may not open it at all
    this.#timer = world.setTimeout(() => this.#watch(), WELCOME_MS);
    this.#socket.onopen = () => this.send(hello());
    this.#socket.onmessage = (event) => this.#hear(event.data);
    this.#socket.onerror = () => {};
    this.#socket.onclose = (event) => this.#finish(event.code);
  }

  /** Whether it has yet to say hello. */
  get opening() {
    return this.#socket.readyState === 0;
  }

  /** After this much silence what is shown may be old. */
  get staleMs() {
    return this.hbMs + GRACE_MS;
  }

  /** After this much silence the socket is dead. */
  get deadMs() {
    return 2 * this.hbMs + GRACE_MS;
  }

  /**
   * @param {unknown} message
   * @returns {boolean} whether it was handed to an open socket
   */
  send(message) {
    if (this.#ended || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Ask for a sign of life, and end the socket if none comes: after a change of network silence says nothing. */
  probe() {
    if (this.#probeTimer !== null || !this.send({ t: "ping", id: this.#frames })) return;
    const before = this.#frames;
    this.#probeTimer = this.#world.setTimeout(() => {
      this.#probeTimer = null;
      if (this.#frames === before) this.end(SILENT);
    }, PROBE_MS);
  }

  /**
   * End it from this side; `onEnd` has been called when this returns.
   *
   * @param {number} code
   */
  end(code) {
    const socket = this.#socket;
    this.#finish(code);
    socket.close(LEFT);
  }

  /** @param {unknown} data */
  #hear(data) {
    if (this.#ended) return;
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return this.end(BROKEN);
    }
    this.heardAt = this.#world.now();
    this.#frames += 1;
    if (frame.t === "welcome" && this.welcomedAt === null) {
      this.welcomedAt = this.heardAt;
      if (frame.hb_ms > 0) this.hbMs = frame.hb_ms;
      this.#watchIn(this.staleMs);
    }
    if (frame.t === "bye") this.#bye = frame;
    this.#onFrame(frame);
  }

  /** @param {number} ms */
  #watchIn(ms) {
    this.#world.clearTimeout(this.#timer);
    this.#timer = this.#world.setTimeout(() => this.#watch(), ms);
  }

  #watch() {
    const now = this.#world.now();
    if (this.welcomedAt === null) return this.end(SILENT);
    if (now < this.heardAt) this.heardAt = now; // the clock was set back
    const silence = now - this.heardAt;
    if (silence >= this.deadMs) return this.end(SILENT);
    if (silence >= this.staleMs) this.#onQuiet();
    this.#watchIn(silence < this.staleMs ? this.staleMs - silence : this.deadMs - silence);
  }

  /** @param {number} code */
  #finish(code) {
    if (this.#ended) return;
    this.#ended = true;
    this.#world.clearTimeout(this.#timer);
    this.#world.clearTimeout(this.#probeTimer);
    const said = code === 1005 || code === 1006 ? (this.#bye.code ?? code) : code; // the close itself may get lost
    const { retry_ms: retryMs, reason } = this.#bye;
    this.#onEnd({ code: said, retryMs, reason, welcomedAt: this.welcomedAt });
  }
}
