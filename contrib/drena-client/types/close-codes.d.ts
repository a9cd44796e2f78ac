/**
 * @param {number} code
 * @returns {"stop" | "later" | "at-once" | "back-off"}
 */
export function ruleOf(code: number): "stop" | "later" | "at-once" | "back-off";
/**
 * The problem of a close that stops.
 *
 * @param {End} end
 * @param {Language} language
 */
export function problemOf({ code, reason }: End, language: Language): import("./types.js").Problem;
/**
 * Milliseconds until the next try. Coming back "at once" is granted once: a server that sends the client round in
 * circles gets the backoff of a failing one.
 *
 * @param {object} end
 * @param {number} end.code the close code
 * @param {number} [end.retryMs] what the server's `bye` asked for
 * @param {number} attempt tries that have failed in a row before this one
 * @param {() => number} random
 */
export function delayAfter({ code, retryMs }: {
    code: number;
    retryMs?: number | undefined;
}, attempt: number, random: () => number): number;
/** @import { Language } from "./types.js" */
/** @import { End } from "./link.js" */
/** The least wait after a 41xx. */
export const LATER_MS: 1000;
import type { End } from "./link.js";
import type { Language } from "./types.js";
