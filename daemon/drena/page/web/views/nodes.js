/** The processes that do the work. */

import { h } from "../dom.js";
import { duration, fullMoment, number } from "../format.js";
import { icon } from "../icons.js";
import { at } from "../model.js";

const EVERY_MS = 3_000;

export function nodes(app) {
  document.title = `${app.t("nodes.title")} · Drena`;
  const { data } = app.resources.need("nodes", async () => (await app.request("/v1/nodes")).items, { everyMs: EVERY_MS });
  return [
    h("div", { class: "head" }, h("div", null, h("h1", { tabindex: "-1" }, app.t("nodes.title")), h("p", { class: "muted" }, app.t("nodes.text")))),
    body(app, data),
  ];
}

function body(app, data) {
  if (data === undefined) return h("div", { class: "cards" }, h("div", { class: "card skeleton", role: "status", "aria-label": app.t("overview.loading") }));
  if (data.length === 0) return h("div", { class: "empty" }, h("h2", null, app.t("nodes.none")), h("p", { class: "muted" }, app.t("nodes.none.text")));
  return h("ul", { class: "cards", role: "list" }, data.map((each) => node(app, each)));
}

function node(app, each) {
  const now = app.now();
  const alive = each.live;
  const told = each.running !== null && each.running !== undefined;
  const share = told && each.max_jobs ? Math.min(each.running / each.max_jobs, 1) : null;
  return h(
    "li",
    { class: `card node tone-${alive ? "good" : "bad"}`, key: each.id, "data-node": each.id },
    h(
      "div",
      { class: "card-head" },
      h("span", { class: "avatar tint-1", "aria-hidden": "true" }, icon("node", 20)),
      h("h2", null, each.name),
      h("span", { class: `pill tone-${alive ? "good" : "bad"}` }, icon(alive ? "check" : "alert", 14), app.t(alive ? "nodes.alive" : "nodes.lost")),
      h("p", { class: "muted" }, h("code", { title: each.id }, String(each.id).slice(0, 8))),
    ),
    h(
      "div",
      { class: "card-body" },
      told &&
        h(
          "p",
          { class: "line" },
          app.t("nodes.running"),
          ": ",
          h("b", null, each.max_jobs ? app.t("nodes.running.of", { n: number(app.lang, each.running), max: number(app.lang, each.max_jobs) }) : number(app.lang, each.running)),
        ),
      share !== null && h("div", { class: "progress progress-load", "aria-hidden": "true", style: { "--share": share } }, h("i", null)),
      h("ul", { class: "tags", role: "list", "aria-label": app.t("nodes.providers") }, (each.providers ?? []).map((slug) => h("li", { key: slug, class: "tag" }, app.provider(slug)))),
    ),
    h(
      "dl",
      { class: "card-times" },
      h("div", null, h("dt", null, app.t("nodes.since")), h("dd", { title: each.started_at && fullMoment(app.lang, at(each.started_at)) }, each.started_at ? duration(app.lang, (now - at(each.started_at)) / 1000) : "–")),
      h("div", null, h("dt", null, app.t("nodes.version")), h("dd", null, each.version ?? "–")),
    ),
  );
}
