/**
 * What the end of a socket asks of its client. The ranges carry the rule, so that a code this client does not know yet
 * is still handled as the server means it:
 *
 *     40xx   the same hello would be refused again: stop, and say why
 *     41xx   come back later, not before `bye.retry_ms`
 *     42xx   come back at once, with a fresh token
 *     others the network, a proxy or a crash: come back with backoff
 *
 * Pure.
 */

import { fullJitter } from "./backoff.js";
import { ownProblem } from "./problems.js";

/** @import { Language } from "./types.js" */
/** @import { End } from "./link.js" */

/** The least wait after a 41xx. */
export const LATER_MS = 1_000;

/** @type {Readonly<Record<number, string>>} The problem codes of the closes that stop. */
const STOPS = { 4001: "token_invalid", 4003: "forbidden", 4004: "message_invalid", 4005: "version", 4008: "no_hello" };

/**
 * @param {number} code
 * @returns {"stop" | "later" | "at-once" | "back-off"}
 */
export function ruleOf(code) {
  if (code >= 4000 && code < 4100) return "stop";
  if (code >= 4100 && code < 4200) return "later";
  if (code >= 4200 && code < 4300) return "at-once";
  return "back-off";
}

/**
 * The problem of a close that stops.
 *
 * @param {End} end
 * @param {Language} language
 */
export function problemOf({ code, reason = "" }, language) {
  return ownProblem(STOPS[code] ?? "feed_refused", language, { status: code, extensions: { reason } });
}

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
export function delayAfter({ code, retryMs = 0 }, attempt, random) {
  const rule = ruleOf(code);
  if (rule === "at-once" && attempt === 0) return 0;
  const wait = fullJitter(attempt, random);
  return rule === "later" ? Math.max(LATER_MS, retryMs) + wait : wait;
}
