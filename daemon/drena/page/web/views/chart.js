/** Runs per day as bars, and the same numbers as a table for those who do not see bars. */

import { h } from "../dom.js";
import { day, number } from "../format.js";
import { wholeDays } from "../model.js";

const HEIGHT = 100;
const STEP = 10;
const BAR = 7;

export function chart(app, days, count) {
  const today = localDay(app.now());
  const whole = wholeDays(days, count, today);
  const asTable = Boolean(app.ui.chartAsTable);
  const total = (name) => whole.reduce((sum, each) => sum + each[name], 0);
  const flip = () => {
    app.ui.chartAsTable = !asTable;
    app.changed();
  };
  return h(
    "figure",
    { class: "chart", key: "chart" },
    h(
      "figcaption",
      null,
      h("h3", null, app.t("detail.chart")),
      h("button", { class: "link", type: "button", on: { click: flip } }, app.t(asTable ? "detail.chart.graph" : "detail.chart.table")),
    ),
    asTable ? table(app, whole) : graph(app, whole, { success: number(app.lang, total("success")), error: number(app.lang, total("error")) }),
  );
}

function localDay(now) {
  const at = new Date(now);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function graph(app, days, totals) {
  const most = Math.max(1, ...days.map((each) => each.success + each.error));
  const chosen = app.ui.chartDay ?? null;
  const point = (index) => {
    if (app.ui.chartDay === index) return;
    app.ui.chartDay = index;
    app.changed();
  };
  const over = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    point(Math.min(days.length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * days.length))));
  };
  const middle = Math.floor(days.length / 2);
  return [
    h(
      "div",
      { class: "chart-legend" },
      h("span", { class: "key key-good" }, app.t("detail.success")),
      h("span", { class: "key key-bad" }, app.t("detail.error")),
      h("span", { class: "chart-readout" }, chosen === null ? "" : told(app, days[chosen])),
    ),
    h(
      "div",
      { class: "chart-area" },
      h("span", { class: "chart-most", "aria-hidden": "true" }, number(app.lang, most)),
      h(
        "svg",
        {
          viewBox: `0 0 ${days.length * STEP} ${HEIGHT}`,
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": app.t("detail.chart.label", totals),
          on: { pointermove: over, pointerdown: over, pointerleave: () => point(null) },
        },
        [0.5, HEIGHT / 2, HEIGHT - 0.5].map((y) => h("line", { key: `line/${y}`, class: "grid", x1: 0, x2: days.length * STEP, y1: y, y2: y })),
        days.map((each, index) => bars(each, index, most, index === chosen)),
      ),
    ),
    h(
      "div",
      { class: "chart-days", "aria-hidden": "true" },
      [0, middle, days.length - 1].map((index) => h("span", { key: index }, day(app.lang, days[index].day))),
    ),
  ];
}

function bars(each, index, most, chosen) {
  const x = index * STEP + (STEP - BAR) / 2;
  const tall = (value) => (value === 0 ? 0 : Math.max((value / most) * (HEIGHT - 4), 3));
  const good = tall(each.success);
  const bad = tall(each.error);
  return h(
    "g",
    { key: each.day, class: chosen ? "chosen" : undefined },
    chosen && h("rect", { key: "back", class: "chart-back", x: index * STEP, y: 0, width: STEP, height: HEIGHT }),
    good > 0 && h("rect", { key: "good", class: "chart-good", x, y: HEIGHT - good, width: BAR, height: good }),
    bad > 0 && h("rect", { key: "bad", class: "chart-bad", x, y: HEIGHT - good - bad - (good > 0 ? 1 : 0), width: BAR, height: bad }),
  );
}

function told(app, each) {
  const values = { day: day(app.lang, each.day, true), success: number(app.lang, each.success), error: number(app.lang, each.error) };
  return app.t("detail.chart.day", values);
}

function table(app, days) {
  const some = days.filter((each) => each.success + each.error > 0).reverse();
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": app.t("detail.chart") },
    h(
      "table",
      null,
      h("thead", null, h("tr", null, ["detail.day", "detail.success", "detail.error"].map((key) => h("th", { key, scope: "col" }, app.t(key))))),
      h(
        "tbody",
        null,
        some.map((each) =>
          h("tr", { key: each.day }, h("th", { scope: "row" }, day(app.lang, each.day, true)), h("td", null, number(app.lang, each.success)), h("td", null, number(app.lang, each.error))),
        ),
        some.length === 0 && h("tr", null, h("td", { colspan: 3 }, app.t("detail.nodata"))),
      ),
    ),
  );
}
