export class Connection {
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
    constructor(world: World, { url, getToken, language, feed, http, onChange, onReply }: {
        url: string | undefined;
        getToken: (reason: {
            renew: boolean;
        }) => Promise<string | null>;
        language: Language;
        feed: Feed;
        http: Http | null;
        onChange: (rows: boolean) => void;
        onReply: (reply: any | null) => void;
    });
    /** Whether the server refused this client for good. */
    stopped: boolean;
    /** The last moment everything shown was known to be right. @type {number | null} */
    rightAt: number | null;
    /** How far the server's clock is ahead of this one, in milliseconds. */
    clockAhead: number;
    /** @returns {ConnectionState} */
    get state(): ConnectionState;
    /** What keeps everything in step; null while nothing does. @returns {"socket" | "poll" | null} */
    get transport(): "socket" | "poll" | null;
    /** Whether commands can go over the socket. */
    get canSend(): boolean;
    /** Why the client stopped trying, or why it cannot. */
    get problem(): Problem | null;
    /** @param {unknown} message */
    send(message: unknown): boolean;
    /**
     * Keep these tenants in step from now on.
     *
     * @param {"*" | Set<string>} tenants
     */
    want(tenants: "*" | Set<string>): void;
    /** Let go of everything; what is known stays. */
    leave(): void;
    /** Try now, whatever happened before: after a sign-in, or because a person asks. */
    reconnect(): void;
    /** Read everything anew. @returns {boolean} whether there is anything to wait for */
    refresh(): boolean;
    /** The tenant's rows are wanted anew. @param {string} tenant */
    resync(tenant: string): void;
    #private;
}
import type { ConnectionState } from "./types.js";
import type { Problem } from "./types.js";
import type { World } from "./types.js";
import type { Language } from "./types.js";
import type { Feed } from "./feed.js";
import type { Http } from "./http.js";
