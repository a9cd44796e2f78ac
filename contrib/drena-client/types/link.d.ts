/**
 * One websocket from its opening to its end. It ends once, says so once, and nothing of it outlives that: every
 * handler belongs to this socket, so a late event of an old one cannot disturb the next.
 *
 * Whether the other side is alive is decided by timestamps. A timer that a sleeping tab fires an hour late finds an
 * hour of silence and ends the socket; a timer that was throttled finds a recent frame and leaves it alone.
 */
/** @import { World } from "./types.js" */
export const PROTOCOL: "drena.v1";
/** How long the way from opening to `welcome` may take. */
export const WELCOME_MS: 10000;
/** How long the answer to a probe may take. */
export const PROBE_MS: 5000;
/** What a heartbeat may be late before it counts as missed. */
export const GRACE_MS: 2000;
/** Ends that this side decides; the server's are its close codes. */
export const LEFT: 1000;
export const SILENT: 1;
export const BROKEN: 2;
/**
 * @typedef {object} End
 * @property {number} code
 * @property {number} [retryMs]
 * @property {string} [reason] for whoever programs the client; in English
 * @property {number | null} welcomedAt
 */
export class Link {
    /**
     * @param {World} world
     * @param {object} options
     * @param {string} options.url
     * @param {() => unknown} options.hello makes the first message, once the socket is open
     * @param {(frame: any) => void} options.onFrame
     * @param {() => void} options.onQuiet a heartbeat is late
     * @param {(end: End) => void} options.onEnd
     */
    constructor(world: World, { url, hello, onFrame, onQuiet, onEnd }: {
        url: string;
        hello: () => unknown;
        onFrame: (frame: any) => void;
        onQuiet: () => void;
        onEnd: (end: End) => void;
    });
    /** When the last frame came. */
    heardAt: number;
    /** @type {number | null} */
    welcomedAt: number | null;
    hbMs: number;
    /** Whether it has yet to say hello. */
    get opening(): boolean;
    /** After this much silence what is shown may be old. */
    get staleMs(): number;
    /** After this much silence the socket is dead. */
    get deadMs(): number;
    /**
     * @param {unknown} message
     * @returns {boolean} whether it was handed to an open socket
     */
    send(message: unknown): boolean;
    /** Ask for a sign of life, and end the socket if none comes: after a change of network silence says nothing. */
    probe(): void;
    /**
     * End it from this side; `onEnd` has been called when this returns.
     *
     * @param {number} code
     */
    end(code: number): void;
    #private;
}
export type End = {
    code: number;
    retryMs?: number | undefined;
    /**
     * for whoever programs the client; in English
     */
    reason?: string | undefined;
    welcomedAt: number | null;
};
import type { World } from "./types.js";
