/**
 * @param {number} code
 * @returns {"stop" | "later" | "at-once" | "back-off"}
 */
export function ruleOf(code: number): "stop" | "later" | "at-once" | "back-off";
/**
 * The problem code of a close that stops.
 *
 * @param {number} code
 */
export function problemCodeOf(code: number): string;
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
/** The least wait after a 41xx. */
export const LATER_MS: 1000;
