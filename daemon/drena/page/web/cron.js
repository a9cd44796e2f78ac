/** A cron expression as the choices people make, and back. Pure. What is not among the choices stays an expression. */

import { weekday } from "./format.js";
import { text } from "./texts.js";

/**
 * @typedef {{often: "none" | "hourly" | "hours" | "daily" | "weekdays" | "weekly" | "monthly" | "custom",
 *   minute: number, every: number, time: string, weekday: number, day: number, cron: string}} Choice
 */

/** @type {Choice} */
export const NOTHING = { often: "none", minute: 0, every: 6, time: "06:00", weekday: 1, day: 1, cron: "0 6 * * *" };

const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NUMBER = /^\d{1,2}$/;

/**
 * @param {string | null | undefined} cron
 * @returns {Choice}
 */
export function choiceOf(cron) {
  if (!cron) return { ...NOTHING };
  const fields = cron.trim().toLowerCase().split(/\s+/);
  const custom = { ...NOTHING, often: /** @type {const} */ ("custom"), cron: cron.trim() };
  if (fields.length !== 5) return custom;
  const [minute, hour, day, month, days] = fields;
  if (!NUMBER.test(minute) || Number(minute) > 59 || month !== "*") return custom;
  const found = { ...custom, minute: Number(minute) };
  if (day === "*" && days === "*") {
    if (hour === "*") return { ...found, often: "hourly" };
    const step = /^\*\/(\d{1,2})$/.exec(hour);
    if (step && 24 % Number(step[1]) === 0 && Number(step[1]) > 1) return { ...found, often: "hours", every: Number(step[1]) };
  }
  if (!NUMBER.test(hour) || Number(hour) > 23) return custom;
  found.time = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (day === "*" && days === "*") return { ...found, often: "daily" };
  if (day === "*" && (days === "1-5" || days === "mon-fri")) return { ...found, often: "weekdays" };
  if (day === "*") {
    const index = WEEKDAYS.includes(days) ? WEEKDAYS.indexOf(days) : /^[0-7]$/.test(days) ? Number(days) % 7 : -1;
    if (index >= 0) return { ...found, often: "weekly", weekday: index };
  }
  if (NUMBER.test(day) && Number(day) >= 1 && Number(day) <= 31 && days === "*") return { ...found, often: "monthly", day: Number(day) };
  return custom;
}

/**
 * @param {Choice} choice
 * @returns {string | null} null for no schedule
 */
export function cronOf(choice) {
  const [hour, minute] = choice.time.split(":").map(Number);
  switch (choice.often) {
    case "none":
      return null;
    case "hourly":
      return `${choice.minute} * * * *`;
    case "hours":
      return `${choice.minute} */${choice.every} * * *`;
    case "daily":
      return `${minute} ${hour} * * *`;
    case "weekdays":
      return `${minute} ${hour} * * 1-5`;
    case "weekly":
      return `${minute} ${hour} * * ${choice.weekday}`;
    case "monthly":
      return `${minute} ${hour} ${choice.day} * *`;
    default:
      return choice.cron.trim();
  }
}

/** The schedule as a sentence. */
export function describe(lang, cron) {
  const choice = choiceOf(cron);
  const values = {
    minute: choice.minute,
    n: choice.every,
    time: choice.time,
    weekday: weekday(lang, choice.weekday),
    day: choice.day,
    cron: choice.cron,
  };
  return choice.often === "none" ? text(lang, "schedule.none") : text(lang, `cron.${choice.often}`, values);
}
