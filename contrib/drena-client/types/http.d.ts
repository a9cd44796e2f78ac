/**
 * @typedef {object} RequestOptions
 * @property {string} [method]
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string | number | undefined | null>} [query]
 * @property {string} [key] an Idempotency-Key, which makes a POST safe to repeat
 * @property {number} [tries]
 * @property {number} [answerMs] how long an answer may take
 * @property {AbortSignal} [signal]
 */
export class Http {
    /**
     * @param {World} world
     * @param {string} base
     * @param {() => Promise<string | null>} getToken
     * @param {Language} language
     */
    constructor(world: World, base: string, getToken: () => Promise<string | null>, language: Language);
    /**
     * @param {string} path
     * @param {RequestOptions} [options]
     * @returns {Promise<any>} the body
     * @throws {Refused}
     */
    request(path: string, options?: RequestOptions): Promise<any>;
    #private;
}
export type RequestOptions = {
    method?: string | undefined;
    /**
     * sent as JSON
     */
    body?: unknown;
    query?: Record<string, string | number | null | undefined> | undefined;
    /**
     * an Idempotency-Key, which makes a POST safe to repeat
     */
    key?: string | undefined;
    tries?: number | undefined;
    /**
     * how long an answer may take
     */
    answerMs?: number | undefined;
    signal?: AbortSignal | undefined;
};
import type { World } from "./types.js";
import type { Language } from "./types.js";
