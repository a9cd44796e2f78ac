/**
 * @param {ClientOptions} options
 * @returns {DrenaClient}
 */
export function createClient(options: ClientOptions): DrenaClient;
/** @import { ClientOptions, FeedSnapshot, Outcome, Reason, World } from "./types.js" */
/** @import { RequestOptions } from "./http.js" */
/** How long the socket stays after the last unsubscribe. */
export const LINGER_MS: 1000;
export class DrenaClient {
    /** @param {ClientOptions} options */
    constructor({ feedUrl, httpUrl, getToken, language, lingerMs, world }?: ClientOptions);
    /**
     * Be told of every change, from now on; read it with `getSnapshot`. The first subscription connects.
     *
     * @param {() => void} listener
     * @param {"*" | readonly string[]} [tenants] the ids of the tenants to keep in step; all that the token may see if
     *   left out. They are kept in step for everybody: a snapshot holds the tenants of all subscriptions.
     * @returns {() => void} ends the subscription
     */
    subscribe: (listener: () => void, tenants?: "*" | readonly string[]) => () => void;
    /** What to show now. The same object until something changes. @returns {FeedSnapshot} */
    getSnapshot: () => FeedSnapshot;
    /** What to show before anything is known, on a server that renders pages. @returns {FeedSnapshot} */
    getServerSnapshot: () => FeedSnapshot;
    /**
     * Ask for a job: over the feed while it is live, else over HTTP. It is never asked for twice: whatever is repeated
     * carries the same key.
     *
     * @param {{ tenantId: string, providerSlug: string, lane?: string, payload?: unknown }} what
     * @returns {Promise<Outcome>}
     */
    run(what: {
        tenantId: string;
        providerSlug: string;
        lane?: string;
        payload?: unknown;
    }): Promise<Outcome>;
    /**
     * @param {string} jobId
     * @returns {Promise<Outcome>}
     */
    cancel(jobId: string): Promise<Outcome>;
    /**
     * Ask for an ended job again.
     *
     * @param {string} jobId
     * @returns {Promise<Outcome>}
     */
    retry(jobId: string): Promise<Outcome>;
    /**
     * Why a job is not running.
     *
     * @param {string} jobId
     * @returns {Promise<Reason>}
     * @throws {Refused}
     */
    why(jobId: string): Promise<Reason>;
    /**
     * Any other call of the HTTP API.
     *
     * @param {string} path from `/v1/` on
     * @param {RequestOptions} [options]
     * @returns {Promise<any>} the body
     * @throws {Refused} with the problem in it, whatever went wrong
     */
    request(path: string, options?: RequestOptions): Promise<any>;
    /**
     * Read everything anew, for a person who asks. There is no need to call this: gaps are found and closed without it.
     *
     * @returns {Promise<void>} settled once it is there, or cannot be had
     */
    refetch(): Promise<void>;
    /** Try now, whatever happened before: after a sign-in, or because a person asks. */
    reconnect(): void;
    /** The server's clock, in milliseconds since 1970, as well as it is known. */
    serverNow(): number;
    #private;
}
import type { ClientOptions } from "./types.js";
import type { FeedSnapshot } from "./types.js";
import type { Outcome } from "./types.js";
import type { Reason } from "./types.js";
import type { RequestOptions } from "./http.js";
