/** @import { Language, Problem, World } from "./types.js" */
/** How long `getToken` may take. */
export const TOKEN_MS: 15000;
/** Between two looks for a renewed token. */
export const RENEW_MS: 5000;
export class Tokens {
    /**
     * @param {World} world
     * @param {(reason: { renew: boolean }) => Promise<string | null>} getToken
     * @param {Language} language
     */
    constructor(world: World, getToken: (reason: {
        renew: boolean;
    }) => Promise<string | null>, language: Language);
    /** The token of the present session. @type {string | null} */
    current: string | null;
    /** Why there is none. @type {Problem | null} */
    problem: Problem | null;
    /**
     * @param {boolean} renew whether the present one is about to expire
     * @returns {Promise<string | null | undefined>} null: the application has none; undefined: it could not say
     */
    fetch(renew: boolean): Promise<string | null | undefined>;
    /**
     * A token to go on with: the application is asked again and again until it has another one.
     *
     * @param {number} until when the present one ends
     * @param {() => boolean} wanted whether anybody still waits for it
     * @returns {Promise<string | null>} null: there was none in time
     */
    renewed(until: number, wanted: () => boolean): Promise<string | null>;
    #private;
}
import type { Problem } from "./types.js";
import type { World } from "./types.js";
import type { Language } from "./types.js";
