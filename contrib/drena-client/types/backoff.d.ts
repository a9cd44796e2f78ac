/**
 * @param {number} attempt how many tries have failed in a row, counted from 0
 * @param {() => number} random a number in [0, 1)
 * @param {number} [cap] the longest wait, in milliseconds
 * @returns {number} milliseconds
 */
export function fullJitter(attempt: number, random: () => number, cap?: number): number;
/**
 * How long to wait before the next try: full jitter, so that a thousand browsers that lost the same server do not come
 * back in the same moment. Pure.
 */
export const BASE_MS: 500;
export const CAP_MS: 30000;
/** A connection that held this long was a good one: the next failure starts from the beginning. */
export const GOOD_AFTER_MS: 10000;
