/** Every run of an integration, newest first: what the feed knows now, and older pages on demand. */

import { h } from "../dom.js";
import { fullMoment, moment, number, took } from "../format.js";
import { icon } from "../icons.js";
import { at, countersOf, isActive, stateOfJob } from "../model.js";
import { counted, pill, tallies, why } from "./card.js";
import { logs } from "./logs.js";

const PAGE = 20;
const STATUSES = ["", "success", "error", "canceled"];

export function history(app, integration) {
  const status = app.ui.historyStatus ?? "";
  const { jobs, cursor, loading } = gathered(app, integration, status);
  return h(
    "section",
    { class: "panel", key: "history", "aria-labelledby": "history-title" },
    h("div", { class: "panel-head" }, h("h2", { id: "history-title" }, app.t("detail.history")), filter(app, status)),
    jobs.length === 0 && !loading && h("p", { class: "muted" }, app.t(status ? "detail.history.unmatched" : "detail.history.none")),
    jobs.length > 0 && h("ul", { class: "runs", role: "list" }, jobs.map((job) => run(app, integration, job))),
    cursor !== null &&
      h(
        "button",
        {
          class: "button button-wide",
          type: "button",
          "data-act": "more",
          "aria-disabled": loading ? "true" : undefined,
          on: {
            click: () => {
              if (loading) return;
              shownPages(app, integration, status).push(cursor);
              app.changed();
            },
          },
        },
        loading && h("i", { class: "spinner" }),
        app.t("detail.history.more"),
      ),
  );
}

function shownPages(app, integration, status) {
  app.ui.pagesOf ??= {};
  return (app.ui.pagesOf[`${integration.id}/${status}`] ??= []);
}

function gathered(app, integration, status) {
  const found = new Map();
  const add = (job) => {
    if ((found.get(job.id)?.version ?? -1) < job.version) found.set(job.id, job);
  };
  for (const job of app.jobsOf(integration)) add(job);
  let cursor = null;
  let loading = false;
  for (const from of [undefined, ...shownPages(app, integration, status)]) {
    const query = { tenant_id: integration.tenant_id, provider_slug: integration.provider_slug, limit: PAGE, status: status || undefined, cursor: from };
    const page = app.resources.need(`history/${integration.id}/${status}/${from ?? ""}`, () => app.request("/v1/jobs", { query }));
    for (const job of page.data?.items ?? []) add(job);
    loading ||= page.loading;
    cursor = page.data === undefined ? from ?? null : page.data.next_cursor;
  }
  const jobs = [...found.values()].filter((job) => status === "" || job.status === status);
  return { jobs: jobs.sort((one, other) => at(other.created_at) - at(one.created_at) || (one.id < other.id ? 1 : -1)), cursor, loading };
}

function filter(app, status) {
  return h(
    "select",
    {
      "aria-label": app.t("detail.history.filter"),
      value: status,
      on: {
        change: (event) => {
          app.ui.historyStatus = event.target.value;
          app.changed();
        },
      },
    },
    STATUSES.map((each) => h("option", { key: each, value: each, selected: each === status }, app.t(each ? `state.${each}` : "detail.history.all"))),
  );
}

function run(app, integration, job) {
  const open = app.ui.expanded.has(job.id);
  const state = stateOfJob(job, app.now());
  const began = at(job.started_at) ?? at(job.created_at);
  const flip = () => {
    open ? app.ui.expanded.delete(job.id) : app.ui.expanded.add(job.id);
    app.changed();
  };
  return h(
    "li",
    { class: "run", key: job.id, "data-job": job.id, "data-state": state },
    h(
      "button",
      { class: "run-row", type: "button", "aria-expanded": String(open), on: { click: flip } },
      pill(app, state),
      h("time", { class: "run-when", datetime: new Date(began).toISOString(), title: fullMoment(app.lang, began) }, moment(app.lang, began, app.now())),
      h("span", { class: "run-what" }, job.error_message && job.status !== "success" ? job.error_message : resultLine(app, job)),
      h("span", { class: "run-took" }, job.execution_time_ms ? took(app.lang, job.execution_time_ms) : ""),
      h("span", { class: "run-open" }, icon("down", 18)),
    ),
    open && opened(app, integration, job),
  );
}

function resultLine(app, job) {
  const found = Object.fromEntries(countersOf(job.result));
  const told = ["created", "updated", "read"].filter((name) => found[name] !== undefined);
  return told.map((name) => `${number(app.lang, found[name])} ${counted(app, name, found[name])}`).join(" · ");
}

function opened(app, integration, job) {
  const counters = countersOf(job.result);
  const reason = isActive(job) ? why(app, job) : null;
  return h(
    "div",
    { class: "run-open-body" },
    job.error_message && h("p", { class: job.status === "error" ? "line line-bad" : "line line-quiet" }, job.error_message),
    reason && h("p", { class: "line line-quiet" }, reason),
    counters.length > 0 && tallies(app, counters),
    h(
      "dl",
      { class: "facts facts-inline" },
      fact(app.t("detail.attempts"), `${job.attempts} / ${job.max_attempts}`),
      fact(app.t("detail.by"), app.t(job.created_by ? "detail.by.user" : "detail.by.system")),
      job.lane && fact(app.t("detail.lane"), job.lane),
      job.error_code && fact(app.t("detail.code"), h("code", null, job.error_code)),
      fact(app.t("detail.job"), h("code", null, job.id)),
    ),
    logs(app, job),
    !isActive(job) &&
      h("button", { class: "button", type: "button", "data-act": "retry", on: { click: () => void app.acts.retry(job, integration) } }, app.ui.busy.has(`retry/${job.id}`) ? h("i", { class: "spinner" }) : icon("retry", 16), app.t("retry")),
  );
}

function fact(label, value) {
  return h("div", { key: label }, h("dt", null, label), h("dd", null, value));
}
