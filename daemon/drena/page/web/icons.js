/** The page's icons: strokes on a grid of 24, in the colour of the text around them. Never read aloud. */

import { h } from "./dom.js";

const PATHS = {
  play: "M8 5.5v13l10.5-6.5z",
  stop: "M7 7h10v10H7z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  alert: "M12 8v5m0 3.2v.3M10.3 4.4 2.9 17.2A2 2 0 0 0 4.6 20h14.8a2 2 0 0 0 1.7-2.8L13.7 4.4a2 2 0 0 0-3.4 0z",
  info: "M12 11v5m0-8.3v.3M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  clock: "M12 7v5l3.2 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  pause: "M9 6v12M15 6v12",
  off: "M5.6 5.6l12.8 12.8M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  retry: "M20 12a8 8 0 1 1-2.4-5.7M20 4v4.5h-4.5",
  queue: "M4 7h16M4 12h10M4 17h6",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  down: "M6 9l6 6 6-6",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.2 16.2 21 21",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  exit: "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4M6 12h9",
  calendar: "M5 6h14a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1zM4 10.5h16M8.5 3.5v4M15.5 3.5v4",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.3a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4z",
  node: "M5 5h14v5H5zM5 14h14v5H5zM8 7.5h.3M8 16.5h.3",
  edit: "M4 20h4L19.5 8.5a2.1 2.1 0 0 0-3-3L5 17z",
};

const FILLED = new Set(["play", "stop"]);

/** The icon of each state of a card. */
export const STATE_ICONS = {
  running: "retry",
  canceling: "stop",
  pending: "queue",
  waiting: "clock",
  retrying: "clock",
  scheduled: "calendar",
  success: "check",
  error: "alert",
  canceled: "close",
  configured: "check",
  disabled: "off",
  paused: "pause",
};

export function icon(name, size = 18) {
  return h(
    "svg",
    {
      class: FILLED.has(name) ? "icon icon-filled" : "icon",
      viewBox: "0 0 24 24",
      width: size,
      height: size,
      "aria-hidden": "true",
      focusable: "false",
    },
    h("path", { d: PATHS[name] }),
  );
}

/** The mark of Drena: a drop, and what has drained below it. */
export function mark(size = 28) {
  return h(
    "svg",
    { class: "mark", viewBox: "0 0 32 32", width: size, height: size, "aria-hidden": "true", focusable: "false" },
    h("rect", { class: "mark-ground", width: 32, height: 32, rx: 9 }),
    h("path", { class: "mark-drop", d: "M16 5.5c3.6 4.3 6 7.2 6 10.3a6 6 0 0 1-12 0c0-3.1 2.4-6 6-10.3z" }),
    h("path", { class: "mark-line", d: "M9 26h14" }),
  );
}
