/** @import { JobView, Language, Problem, Reason } from "drena-client" */
/**
 * @typedef {object} Notice
 * @property {"info" | "warning" | "error"} level `info`: all is well. `warning`: it needs patience or a look. `error`: what
 *   was asked for did not happen.
 * @property {"job_active" | "waiting" | "refused" | "unavailable" | "network"} kind `refused`: the server said no, and
 *   why. `unavailable`: it cannot just now. `network`: it did not answer.
 * @property {string} title
 * @property {string} detail
 * @property {JobView} [job] the job it speaks of
 * @property {Problem} [problem]
 * @property {Reason | null} [reason]
 */
/**
 * @param {Problem} problem
 * @param {Language} language
 * @returns {Notice}
 */
export function noticeOfProblem(problem: Problem, language: Language): Notice;
/**
 * @param {JobView} job
 * @param {Reason | null} reason
 * @param {Language} language
 * @returns {Notice}
 */
export function noticeOfWaiting(job: JobView, reason: Reason | null, language: Language): Notice;
/**
 * @param {Reason | null | undefined} reason
 * @param {Language} language
 */
export function reasonText(reason: Reason | null | undefined, language: Language): string;
export type Notice = {
    /**
     * `info`: all is well. `warning`: it needs patience or a look. `error`: what
     * was asked for did not happen.
     */
    level: "info" | "warning" | "error";
    /**
     * `refused`: the server said no, and
     * why. `unavailable`: it cannot just now. `network`: it did not answer.
     */
    kind: "job_active" | "waiting" | "refused" | "unavailable" | "network";
    title: string;
    detail: string;
    /**
     * the job it speaks of
     */
    job?: import("drena-client/types").JobView | undefined;
    problem?: import("drena-client/types").Problem | undefined;
    reason?: import("drena-client/types").Reason | null | undefined;
};
import type { Problem } from "drena-client";
import type { Language } from "drena-client";
import type { JobView } from "drena-client";
import type { Reason } from "drena-client";
