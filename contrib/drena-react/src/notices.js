/** What people are told when something happened that they did not see coming. Pure. */

import { texts } from "drena-client";

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
export function noticeOfProblem(problem, language) {
  const { kind, title, detail, code, activeJob } = problem;
  if (code === "job_active") {
    return { level: "info", kind: "job_active", title: texts[language].job_active, detail, job: activeJob, problem };
  }
  return { level: "error", kind, title, detail, problem };
}

/**
 * @param {JobView} job
 * @param {Reason | null} reason
 * @param {Language} language
 * @returns {Notice}
 */
export function noticeOfWaiting(job, reason, language) {
  const detail = reasonText(reason, language);
  return { level: "warning", kind: "waiting", title: texts[language].waiting, detail, job, reason };
}

/**
 * @param {Reason | null | undefined} reason
 * @param {Language} language
 */
export function reasonText(reason, language) {
  const text = reason?.text ?? "";
  return typeof text === "string" ? text : text[language];
}
