/** @import { JobView, Language, Outcome, World } from "./types.js" */
/** @import { Connection } from "./connection.js" */
/** @import { Feed } from "./feed.js" */
/** @import { Http } from "./http.js" */
/** How long the socket may take to answer a command. */
export const REPLY_MS: 10000;
/** When to look whether the feed has brought what a command did. */
export const CHECK_MS: 1500;
export class Commands {
    /**
     * @param {World} world
     * @param {object} parts
     * @param {Connection} parts.connection
     * @param {Http | null} parts.http
     * @param {Feed} parts.feed
     * @param {Language} parts.language
     * @param {() => void} parts.onLearned
     */
    constructor(world: World, { connection, http, feed, language, onLearned }: {
        connection: Connection;
        http: Http | null;
        feed: Feed;
        language: Language;
        onLearned: () => void;
    });
    /**
     * @param {{ tenantId: string, providerSlug: string, lane?: string, payload?: unknown }} what
     * @returns {Promise<Outcome>}
     */
    run({ tenantId, providerSlug, lane, payload }: {
        tenantId: string;
        providerSlug: string;
        lane?: string;
        payload?: unknown;
    }): Promise<Outcome>;
    /**
     * @param {"cancel" | "retry"} verb
     * @param {string} jobId
     * @returns {Promise<Outcome>}
     */
    act(verb: "cancel" | "retry", jobId: string): Promise<Outcome>;
    /** An answer of the socket; null: there will be no more. @param {any | null} reply */
    replied(reply: any | null): void;
    #private;
}
import type { Outcome } from "./types.js";
import type { World } from "./types.js";
import type { Connection } from "./connection.js";
import type { Http } from "./http.js";
import type { Feed } from "./feed.js";
import type { Language } from "./types.js";
