/** One integration: what it does now, how it has been doing, its settings, its history. */

import { choiceOf, describe } from "../cron.js";
import { h } from "../dom.js";
import { number, percent, took, zone } from "../format.js";
import { icon } from "../icons.js";
import { avatar, cancelButton, lastRun, nextRun, pill, runButton, situation } from "./card.js";
import { chart } from "./chart.js";
import { history } from "./history.js";
import { logs } from "./logs.js";

const DAYS = 30;
const STATS_EVERY_MS = 60_000;

export function detail(app) {
  const integration = app.shownIntegration();
  if (!integration) return missing(app, integration === undefined);
  const each = app.card(integration);
  const provider = app.provider(integration.provider_slug);
  document.title = `${provider} · ${app.office(integration.tenant_id)} · Drena`;
  return [
    h("a", { class: "back", href: "#/" }, icon("back", 16), app.t("detail.back")),
    h(
      "div",
      { class: "head head-detail" },
      avatar(provider),
      h("div", { class: "head-title" }, h("h1", { tabindex: "-1" }, provider), h("p", { class: "muted" }, app.office(integration.tenant_id))),
      pill(app, each.state),
      h("div", { class: "head-buttons" }, cancelButton(app, each), runButton(app, each)),
    ),
    h("div", { class: "columns" }, current(app, each), summary(app, integration, each), settings(app, integration, each), history(app, integration)),
  ];
}

function missing(app, unknown) {
  document.title = app.t("app.title");
  if (unknown || app.snapshot.loading) return h("div", { class: "panel skeleton", role: "status", "aria-label": app.t("overview.loading") });
  return [
    h("a", { class: "back", href: "#/" }, icon("back", 16), app.t("detail.back")),
    h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, app.t("detail.missing")), h("p", { class: "muted" }, app.t("detail.missing.text"))),
  ];
}

function current(app, each) {
  const shown = each.active.length > 0 ? each.active : each.last ? [each.last] : [];
  return h(
    "section",
    { class: `panel now tone-${each.tone}`, key: "now", "aria-labelledby": "now-title" },
    h("h2", { id: "now-title" }, app.t("detail.now")),
    h("div", { class: "now-body" }, situation(app, each)),
    shown.map((job) => h("div", { key: job.id, class: "now-log" }, logs(app, job))),
  );
}

function summary(app, integration, each) {
  const { data } = app.resources.need(
    `stats/${integration.id}`,
    () => app.request(`/v1/integrations/${integration.id}/stats`, { query: { days: DAYS, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone } }),
    { everyMs: STATS_EVERY_MS, stamp: each.last?.id },
  );
  const success = sum(data?.days, "success");
  const error = sum(data?.days, "error");
  const none = () => h("span", { class: "muted" }, data === undefined ? "…" : "–");
  const known = success + error > 0;
  const rate = data?.success_rate ?? (known ? success / (success + error) : null);
  return h(
    "section",
    { class: "panel", key: "summary", "aria-labelledby": "summary-title" },
    h("h2", { id: "summary-title" }, app.t("detail.summary")),
    h(
      "dl",
      { class: "figures" },
      figure(app.t("detail.rate"), known ? percent(app.lang, rate) : none(), known && rate < 0.8 ? "figure-bad" : ""),
      figure(app.t("detail.mean"), data?.mean_time_ms ? took(app.lang, data.mean_time_ms) : none()),
      figure(app.t("detail.runs"), data ? number(app.lang, success + error) : none()),
      figure(app.t("detail.failures"), data ? number(app.lang, error) : none(), error > 0 ? "figure-bad" : ""),
    ),
    data && chart(app, data.days, DAYS),
  );
}

function figure(label, value, kind = "") {
  return h("div", { class: `figure ${kind}` }, h("dt", null, label), h("dd", null, value));
}

function sum(days, name) {
  return (days ?? []).reduce((total, each) => total + (each[name] ?? 0), 0);
}

function settings(app, integration, each) {
  const may = app.mayManage(integration.tenant_id);
  const { schedule } = integration;
  return h(
    "section",
    { class: "panel settings", key: "settings", "aria-labelledby": "settings-title" },
    h("h2", { id: "settings-title" }, app.t("detail.settings")),
    setting(app, "enabled", integration.is_enabled, may, () => app.acts.setEnabled(integration, !integration.is_enabled)),
    setting(app, "paused", integration.paused, may, () => void app.acts.change(integration, { paused: !integration.paused })),
    h(
      "div",
      { class: "setting setting-tall" },
      h("h3", null, app.t("detail.schedule")),
      schedule
        ? [h("p", null, sentence(describe(app.lang, schedule.cron))), h("p", { class: "muted", title: schedule.timezone }, zone(app.lang, schedule.timezone))]
        : h("p", { class: "muted" }, app.t("detail.schedule.none")),
      may && h("button", { class: "button", type: "button", on: { click: () => editSchedule(app, integration) } }, icon("calendar", 16), app.t("detail.schedule.edit")),
    ),
    h(
      "dl",
      { class: "facts" },
      h("div", null, h("dt", null, app.t("detail.next")), h("dd", null, nextRun(app, integration))),
      h("div", null, h("dt", null, app.t("detail.last")), h("dd", null, lastRun(app, each))),
    ),
    !may && h("p", { class: "hint" }, app.t("detail.readonly")),
  );
}

function setting(app, name, on, may, act) {
  const toggle = {
    class: "toggle",
    type: "button",
    role: "switch",
    "data-act": name,
    "aria-checked": String(on),
    "aria-label": app.t(`detail.${name}.label`),
    "aria-describedby": `${name}-hint`,
    "aria-disabled": may ? undefined : "true",
    on: { click: () => may && act() },
  };
  return h(
    "div",
    { class: "setting", key: name },
    h("div", null, h("h3", null, app.t(`detail.${name}`)), h("p", { class: "muted", id: `${name}-hint` }, app.t(`detail.${name}.hint`))),
    h("button", toggle, h("i", null)),
  );
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function editSchedule(app, integration) {
  const zone = integration.schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "America/Sao_Paulo";
  const choice = choiceOf(integration.schedule?.cron ?? null);
  if (!integration.schedule) choice.often = "daily";
  app.acts.openDialog({ kind: "schedule", integration, choice, timezone: zone, error: "", saving: false });
}
