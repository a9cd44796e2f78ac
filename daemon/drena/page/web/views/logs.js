/** The lines of one job, growing while it runs. */

import { h } from "../dom.js";
import { clock, fullMoment } from "../format.js";

const LIVE_EVERY_MS = 1_500;
const LINES_KEPT = 2_000;
/** So close to the end somebody is following along. */
const NEAR_END_PX = 24;

export function logs(app, job) {
  const live = job.status === "running";
  const { data } = app.resources.need(`logs/${job.id}`, (before) => moreLines(app, job, before), {
    everyMs: live ? LIVE_EVERY_MS : Infinity,
    stamp: `${job.status}/${job.attempts}`,
  });
  const lines = data?.lines ?? [];
  return h(
    "div",
    { class: "log", key: `log/${job.id}` },
    h("div", { class: "log-head" }, h("h3", null, app.t("logs.title")), live && h("span", { class: "log-live" }, h("i", { class: "dot" }), app.t("logs.live"))),
    h(
      "div",
      { class: "log-lines", role: "log", "aria-live": "off", tabindex: "0", "aria-label": app.t("logs.title"), made: follow },
      lines.length === 0 && h("p", { class: "muted" }, app.t(data === undefined ? "logs.loading" : "logs.none")),
      lines.map((line, index) => entry(app, line, lines[index - 1])),
    ),
  );
}

const drawn = new WeakMap();

function entry(app, line, before) {
  const turned = before !== undefined && before.attempt !== line.attempt;
  const stamp = `${app.lang}/${turned}`;
  const known = drawn.get(line);
  if (known?.stamp === stamp) return known.description;
  const at = Date.parse(line.at);
  const description = h(
    "div",
    { key: line.id ?? `${line.at}/${line.message}`, class: `log-line log-${line.level}${turned ? " log-turn" : ""}` },
    h("time", { datetime: line.at, title: fullMoment(app.lang, at) }, clock(app.lang, at)),
    h("span", { class: "log-level" }, app.t(`log.level.${line.level}`)),
    h("span", { class: "log-message" }, said(app, line)),
  );
  drawn.set(line, { stamp, description });
  return description;
}

/** What the daemon itself writes of a job is an event, said in the reader's language; a provider's lines stand as they are. */
function said(app, line) {
  const { event, status, reason = "" } = line.fields ?? {};
  if (event === undefined) return line.message;
  const key = `event.${event}${event === "attempt.finished" ? `.${status}` : ""}`;
  const words = app.t(key, { attempt: line.attempt, reason, message: line.message });
  return words === key ? line.message : words.replace(/: $/, "");
}

/** Stay at the end while new lines come, unless somebody has scrolled up to read. */
function follow(node) {
  let atEnd = true;
  node.addEventListener("scroll", () => {
    atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_END_PX;
  });
  new MutationObserver(() => {
    if (atEnd) node.scrollTop = node.scrollHeight;
  }).observe(node, { childList: true });
  queueMicrotask(() => (node.scrollTop = node.scrollHeight));
}

/** Read on from the last line known; the very first time, from the beginning. */
async function moreLines(app, job, before) {
  let lines = before?.lines ?? [];
  for (;;) {
    const page = await app.request(`/v1/jobs/${job.id}/logs`, { query: { cursor: lines.at(-1)?.id } });
    if (page.items.length > 0) lines = [...lines, ...page.items].slice(-LINES_KEPT);
    if (page.next_cursor === null) return { lines };
  }
}
