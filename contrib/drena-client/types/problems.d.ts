/**
 * A problem that this client found by itself.
 *
 * @param {string} code
 * @param {Language} language
 * @param {Partial<Problem>} [more]
 * @returns {Problem}
 */
export function ownProblem(code: string, language: Language, more?: Partial<Problem>): Problem;
/**
 * A problem document, typed.
 *
 * @param {any} body
 * @param {number} [httpStatus]
 * @returns {Problem | null} null when it is none
 */
export function parseProblem(body: any, httpStatus?: number): Problem | null;
/** A problem on its way up, inside this client; callers get it as a value. */
export class Refused extends Error {
    /** @param {Problem} problem */
    constructor(problem: Problem);
    problem: Problem;
}
import type { Language } from "./types.js";
import type { Problem } from "./types.js";
