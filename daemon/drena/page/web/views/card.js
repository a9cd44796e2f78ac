/** One integration on the overview, and the pieces of it that the detail view shows too. */

import { progressWord } from "../client/index.js";
import { h } from "../dom.js";
import { age, ago, duration, fullMoment, moment, number, percent, took, until } from "../format.js";
import { icon, STATE_ICONS } from "../icons.js";
import { at, barOf, countersOf, toneOf } from "../model.js";

const drawn = new WeakMap();

/** A card that would look the same as last time is the same object: drawing passes over it. */
export function card(app, each) {
  const stamp = stampOf(app, each);
  const known = drawn.get(each.integration);
  if (known?.stamp === stamp) return known.description;
  const description = draw(app, each);
  drawn.set(each.integration, { stamp, description });
  return description;
}

function stampOf(app, { integration, active, last, state, id }) {
  const second = active.length > 0 ? Math.floor(app.now() / 1000) : Math.floor(app.now() / 15_000);
  const job = (found) => (found ? `${found.id}${found.version}${JSON.stringify(found.progress_detail)}${found.progress}` : "");
  const busy = [...app.ui.busy].filter((key) => key.endsWith(id) || active.some((each) => key.endsWith(each.id)));
  const why = active.map((each) => app.resources.held.get(whyKey(app, each))?.data?.code ?? "");
  return [app.lang, second, state, integration.version, app.name(integration), job(last), ...active.map(job), ...busy, ...why].join("|");
}

function draw(app, each) {
  const { integration, id, state, tone } = each;
  const provider = app.provider(integration.provider_slug);
  const name = app.name(integration);
  return h(
    "li",
    { class: `card tone-${tone}`, key: id, "data-state": state, "data-integration": id },
    h(
      "div",
      { class: "card-head" },
      avatar(provider),
      h("h2", null, h("a", { href: `#/integration/${id}`, "aria-label": app.t("card.open.label", { name }) }, provider)),
      pill(app, state),
      h("p", { class: "muted" }, app.office(integration.tenant_id)),
    ),
    h("div", { class: "card-body" }, situation(app, each)),
    h(
      "dl",
      { class: "card-times" },
      h("div", null, h("dt", null, app.t("card.last")), h("dd", null, lastRun(app, each))),
      h("div", null, h("dt", null, app.t("card.next")), h("dd", null, nextRun(app, integration))),
    ),
    h("div", { class: "card-buttons" }, runButton(app, each), cancelButton(app, each), h("a", { class: "card-more", href: `#/integration/${id}`, tabindex: "-1", "aria-hidden": "true" }, h("span", null, app.t("card.open")), icon("next", 16))),
  );
}

const TINTS = 6;

export function avatar(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return h("span", { class: `avatar tint-${sum % TINTS}`, "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?");
}

export function pill(app, state) {
  return h("span", { class: `pill tone-${toneOf(state)} pill-${state}` }, icon(STATE_ICONS[state], 14), app.t(`state.${state}`));
}

/** What is going on, in words: the active jobs, else how the last one ended. */
export function situation(app, each) {
  if (each.active.length > 0) return each.active.map((job) => activity(app, each, job));
  return atRest(app, each);
}

function activity(app, each, job) {
  const { integration } = each;
  const lane = each.active.length > 1 || job.lane !== "" ? h("span", { class: "lane" }, job.lane || "·") : null;
  const body = job.status === "running" ? running(app, integration, job) : pending(app, each, job);
  return h("div", { class: "activity", key: job.id, "data-job": job.id }, lane, body);
}

function running(app, integration, job) {
  const bar = barOf(job, app.now());
  const canceling = job.cancel_requested_at !== null && job.cancel_requested_at !== undefined;
  return [
    progressBar(app, app.name(integration), bar, canceling),
    h(
      "p",
      { class: "line" },
      canceling ? app.t("card.canceling") : h("span", { class: "numbers" }, told(app, bar, job)),
      job.attempts > 1 && !canceling && h("span", { class: "tag" }, app.t("card.attempt", { attempt: job.attempts, max: job.max_attempts })),
    ),
  ];
}

function told(app, bar, job) {
  const unit = progressWord(bar.detail, bar.detail.unit, app.lang) || app.t("unit");
  const parts = [];
  if (bar.total) parts.push(app.t("progress.of", { done: number(app.lang, bar.done ?? 0), total: number(app.lang, bar.total), unit }));
  else if (bar.done !== null) parts.push(app.t("progress.count", { done: number(app.lang, bar.done), unit }));
  else parts.push(job.progress_detail?.message || app.t("card.starting"));
  if (bar.rate) parts.push(app.t("progress.rate", { rate: number(app.lang, bar.rate, bar.rate < 10 ? 1 : 0) }));
  if (bar.leftS !== null && bar.share !== null && bar.share < 1) parts.push(left(app, Math.max(bar.leftS, 1)));
  return parts.join(" · ");
}

function left(app, seconds) {
  const words = duration(app.lang, seconds, seconds > 90);
  return app.t(words.startsWith("1 ") ? "progress.left.one" : "progress.left.other", { left: words });
}

export function progressBar(app, name, bar, canceling) {
  const known = bar.share !== null;
  return h(
    "div",
    { class: "bar-row" },
    h(
      "div",
      {
        class: `progress${known ? "" : " progress-unknown"}${canceling ? " progress-off" : ""}`,
        role: "progressbar",
        "aria-label": app.t("progress.label", { name }),
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        "aria-valuenow": known ? String(Math.round(bar.share * 100)) : undefined,
        style: { "--share": known ? bar.share : 0 },
      },
      h("i", null),
    ),
    known && h("b", { class: "share", "aria-hidden": "true" }, percent(app.lang, Math.floor(bar.share * 100) / 100)),
  );
}

function pending(app, each, job) {
  const now = app.now();
  const due = at(job.run_at) ?? at(job.created_at);
  const failure = job.error_message && h("p", { class: "line line-quiet clamp" }, app.t("card.retry.why", { message: job.error_message }));
  if (each.integration.paused) return [h("p", { class: "line" }, app.t("card.paused")), reason(app, job)];
  if (now - due > 20_000)
    return [
      h("p", { class: "line line-strong" }, icon("clock", 16), app.t("card.waiting"), h("span", { class: "tag" }, app.t("card.waiting.since", { age: age(app.lang, due, now) }))),
      reason(app, job) ?? failure,
    ];
  if (job.attempts > 0 || job.error_code) {
    const values = { attempt: job.attempts + 1, max: job.max_attempts, in: duration(app.lang, (due - now) / 1000) };
    return [h("p", { class: "line line-strong" }, icon("retry", 16), app.t(due - now >= 1000 ? "card.retry" : "card.retry.now", values)), failure];
  }
  if (due - now > 3_000) return h("p", { class: "line" }, app.t("card.scheduled", { in: duration(app.lang, (due - now) / 1000) }));
  return [h("div", { class: "progress progress-queue", "aria-hidden": "true" }, h("i", null)), h("p", { class: "line" }, app.t("card.queued"))];
}

function whyKey(app, job) {
  return `why/${job.id}/${app.lang}`;
}

/** Why a job waits, in the words of the daemon. */
export function why(app, job) {
  const { data } = app.resources.need(whyKey(app, job), () => app.request(`/v1/jobs/${job.id}/why`), { everyMs: 5_000, stamp: job.version });
  if (data === undefined) return null;
  return typeof data.text === "string" ? data.text : (data.text?.[app.lang] ?? data.detail ?? null);
}

function reason(app, job) {
  const said = why(app, job);
  return said === null ? null : h("p", { class: "line line-quiet", key: "why" }, said);
}

function atRest(app, { integration, last, state }) {
  const now = app.now();
  const message = last?.error_message || integration.last_error;
  const ended = at(last?.finished_at) ?? at(integration.last_run);
  switch (state) {
    case "error":
      return h("p", { class: "line line-bad clamp", title: message }, message || app.t("card.error"));
    case "success": {
      const counters = countersOf(last?.result).filter(([name]) => name !== "skipped"); // the detail view tells the rest
      const sentence = last?.execution_time_ms
        ? app.t("card.success", { when: ago(app.lang, ended, now), took: took(app.lang, last.execution_time_ms) })
        : ended !== null && app.t("card.success.plain", { when: ago(app.lang, ended, now) });
      return [counters.length > 0 && tallies(app, counters), h("p", { class: "line line-quiet" }, sentence)];
    }
    case "canceled":
      return h("p", { class: "line line-quiet" }, ended === null ? app.t("state.canceled") : app.t("card.canceled", { when: ago(app.lang, ended, now) }));
    default:
      return h("p", { class: "line line-quiet" }, app.t(`card.${state}`));
  }
}

/** The word that goes with a counter. */
export function counted(app, name, value) {
  return app.t(`result.${name}.${value === 1 ? "one" : "other"}`);
}

/** The counters of a result; the important ones stand out. */
export function tallies(app, counters) {
  return h(
    "ul",
    { class: "tallies", role: "list" },
    counters.map(([name, value]) => h("li", { key: name, class: name === "errors" ? "tally tally-bad" : "tally" }, h("b", null, number(app.lang, value)), " ", counted(app, name, value))),
  );
}

export function lastRun(app, { integration, last }) {
  const ended = at(last?.finished_at) ?? at(integration.last_run);
  if (ended === null) return h("span", { class: "muted" }, app.t("card.never"));
  return h("time", { datetime: new Date(ended).toISOString(), title: fullMoment(app.lang, ended) }, ago(app.lang, ended, app.now()));
}

export function nextRun(app, integration) {
  const next = at(integration.next_at);
  if (next === null || !integration.is_enabled) return h("span", { class: "muted" }, app.t("card.unscheduled"));
  const soon = next - app.now() < 3_600_000;
  return h(
    "time",
    { datetime: new Date(next).toISOString(), title: fullMoment(app.lang, next) },
    soon ? until(app.lang, next, app.now()) : moment(app.lang, next, app.now()),
  );
}

/** Stays where it is while something runs: a second click is answered, and the focus is never lost. */
export function runButton(app, each) {
  const { integration, id, state, active } = each;
  const early = state === "retrying" || state === "scheduled" || state === "waiting";
  const off = !integration.is_enabled;
  const dim = active.length > 0 && !early;
  const key = early ? "run.now" : "run";
  const busy = app.ui.busy.has(`run/${id}`);
  return h(
    "button",
    {
      class: `button ${dim || off ? "" : "button-first"}`,
      type: "button",
      "data-act": "run",
      "aria-disabled": dim || off ? "true" : undefined,
      "aria-label": app.t(`${key}.label`, { name: app.name(integration) }),
      on: { click: () => (off ? undefined : void app.acts.run(each)) },
    },
    busy ? h("i", { class: "spinner" }) : icon(early ? "retry" : "play", 16),
    app.t(key),
  );
}

export function cancelButton(app, { integration, job }) {
  if (job === null) return null;
  const asked = Boolean(job.cancel_requested_at) || app.ui.busy.has(`cancel/${job.id}`);
  return h(
    "button",
    {
      key: "cancel",
      class: "button",
      type: "button",
      "data-act": "cancel",
      "aria-disabled": asked ? "true" : undefined,
      "aria-label": app.t("cancel.label", { name: app.name(integration) }),
      on: { click: () => (asked ? undefined : app.acts.askToCancel(job, integration)) },
    },
    icon("stop", 16),
    app.t("cancel"),
  );
}
