/** Numbers, durations and moments in words. Pure: the language, and where it matters the time, are arguments. */

import { text } from "./texts.js";

const LOCALES = { pt: "pt-BR", en: "en-GB" };
const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

const formats = new Map();

function format(lang, kind, options) {
  const key = `${lang}/${kind}/${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl[kind](LOCALES[lang] ?? LOCALES.pt, options));
  return formats.get(key);
}

export function number(lang, value, digits = 0) {
  return format(lang, "NumberFormat", { maximumFractionDigits: digits }).format(value);
}

export function percent(lang, share) {
  return format(lang, "NumberFormat", { style: "percent", maximumFractionDigits: share > 0.99 && share < 1 ? 1 : 0 }).format(share);
}

/** A duration with its two largest units: `3 min 20 s`; one unit when `short`. */
export function duration(lang, seconds, short = false) {
  let left = Math.max(Math.round(seconds), 0);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount > 0 || parts.length > 0) parts.push([unit, amount]);
  }
  const told = parts.slice(0, short ? 1 : 2).filter(([, amount]) => amount > 0);
  if (told.length === 0) return text(lang, "time.s", { n: 0 });
  return told
    .map(([unit, n]) => text(lang, unit === "d" ? `time.d.${n === 1 ? "one" : "other"}` : `time.${unit}`, { n }))
    .join(" ");
}

/** How long something took: tenths below ten seconds, since `0 s` would say nothing. */
export function took(lang, milliseconds) {
  if (milliseconds < 1000) return `${number(lang, Math.max(Math.round(milliseconds), 1))} ms`;
  if (milliseconds < 10_000) return `${number(lang, milliseconds / 1000, 1)} s`;
  return duration(lang, milliseconds / 1000);
}

/** The distance from one moment to another, with one unit. */
export function age(lang, fromMs, nowMs) {
  return duration(lang, Math.max(nowMs - fromMs, 0) / 1000, true);
}

export function ago(lang, atMs, nowMs) {
  return nowMs - atMs < 1000 ? text(lang, "time.now") : text(lang, "time.ago", { age: age(lang, atMs, nowMs) });
}

export function until(lang, atMs, nowMs) {
  return atMs - nowMs < 1000 ? text(lang, "time.now") : text(lang, "time.in", { age: duration(lang, (atMs - nowMs) / 1000, true) });
}

/** A moment as people write it: the time alone today, yesterday and tomorrow by name, with the date otherwise. */
export function moment(lang, atMs, nowMs) {
  const at = new Date(atMs);
  const now = new Date(nowMs);
  const clock = format(lang, "DateTimeFormat", { hour: "2-digit", minute: "2-digit" }).format(at);
  const days = daysBetween(now, at);
  if (days === 0) return clock;
  if (Math.abs(days) === 1) return text(lang, "time.day", { day: format(lang, "RelativeTimeFormat", { numeric: "auto" }).format(days, "day"), clock });
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  const day = format(lang, "DateTimeFormat", { day: "numeric", month: "short", ...year }).format(at).replaceAll(".", "");
  return text(lang, "time.day", { day, clock });
}

/** Calendar days from one moment to another, in this browser's time zone; a day of 23 hours is one, too. */
function daysBetween(from, to) {
  const noon = (at) => Date.UTC(at.getFullYear(), at.getMonth(), at.getDate());
  return (noon(to) - noon(from)) / 86_400_000;
}

/** A time zone as people call it: `Horário de Brasília` for `America/Sao_Paulo`. */
export function zone(lang, name) {
  if (name === "UTC") return name;
  try {
    const parts = format(lang, "DateTimeFormat", { timeZone: name, timeZoneName: "longGeneric" }).formatToParts(Date.now());
    return parts.find((each) => each.type === "timeZoneName").value.replace(/ (Padrão|Standard)\b/, "");
  } catch {
    return name.replaceAll("_", " "); // this browser does not know it
  }
}

export function fullMoment(lang, atMs) {
  return format(lang, "DateTimeFormat", { dateStyle: "full", timeStyle: "medium" }).format(new Date(atMs));
}

/** A moment to the second, for a log. */
export function clock(lang, atMs) {
  return format(lang, "DateTimeFormat", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(atMs));
}

/** `2026-11-23` as a day, without shifting it into another time zone. */
export function day(lang, iso, long = false) {
  const at = new Date(`${iso.slice(0, 10)}T12:00:00Z`);
  const options = long ? { weekday: "long", day: "numeric", month: "long" } : { day: "numeric", month: "short" };
  return format(lang, "DateTimeFormat", { ...options, timeZone: "UTC" }).format(at).replaceAll(".", "");
}

export function weekday(lang, index) {
  return format(lang, "DateTimeFormat", { weekday: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, 7 + index)));
}
