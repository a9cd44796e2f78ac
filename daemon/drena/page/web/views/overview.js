/** The first view: a card for each integration, what is going on in numbers, search. */

import { h } from "../dom.js";
import { number } from "../format.js";
import { icon } from "../icons.js";
import { FILTERS, matches } from "../model.js";
import { card } from "./card.js";

/** So many cards are drawn at once; the rest is a click, or a word in the search, away. */
const CARDS_AT_ONCE = 60;
const SEARCH_FROM = 7;
/** A word being typed is not looked for letter by letter, where the daemon has to look. */
const LOOK_AFTER_MS = 300;

export function overview(app) {
  document.title = app.t("app.title");
  const { search, filter, pages } = app.ui;
  const { many } = app.offices;
  const all = app.cards();
  const found = all.filter((each) => search.trim() === "" || matches(search, wordsOf(app, each.integration)));
  const shown = found.filter((each) => FILTERS[filter].includes(each.state));
  const page = many ? shown : shown.slice(0, CARDS_AT_ONCE * pages);
  const arriving = app.snapshot.loading || (many && isArriving(app, all));
  const counts = many ? countsOfAll(app.offices.counts) : countsOf(found);
  const some = all.length > 0 || counts.all > 0;
  return [
    h(
      "div",
      { class: "head" },
      h("div", null, h("h1", { tabindex: "-1" }, app.t("overview.title")), offices(app, all)),
      (all.length >= SEARCH_FROM || search !== "" || many) && searchBox(app),
    ),
    (some || many) && filters(app, counts),
    page.length === 0 && arriving && skeletons(app),
    !some && !arriving && search === "" && empty(app, "overview.none"),
    (some || search !== "") && shown.length === 0 && !arriving && empty(app, "overview.unmatched", () => look(app, { search: "", filter: "all" })),
    h("ul", { class: "cards", key: "cards", role: "list" }, page.map((each) => card(app, each))),
    many && page.length > 0 && app.offices.found?.more && moreOffices(app),
    page.length < shown.length && more(app, app.t("overview.some", { shown: number(app.lang, page.length), all: number(app.lang, shown.length) })),
  ];
}

/** Whether cards of offices that were found are still on their way. */
function isArriving(app, cards) {
  const { found } = app.offices;
  if (found === undefined) return true;
  const here = new Set(cards.map((each) => each.integration.tenant_id));
  return app.snapshot.connection !== "live" && app.snapshot.problem === null && found.offices.some((each) => !here.has(each.id));
}

function countsOf(cards) {
  const of = (name) => cards.filter((each) => FILTERS[name].includes(each.state)).length;
  return Object.fromEntries(Object.keys(FILTERS).map((name) => [name, of(name)]));
}

/** What the daemon counts, over offices that are not followed, too. */
function countsOfAll(counts = {}) {
  const { active = 0, error = 0, success = 0, idle = 0 } = counts;
  return { all: active + error + success + idle, active, error, success, idle };
}

function wordsOf(app, integration) {
  const tenant = app.snapshot.tenants.find((each) => each.id === integration.tenant_id);
  return [app.office(integration.tenant_id), tenant?.slug ?? "", app.provider(integration.provider_slug), integration.provider_slug];
}

function look(app, change) {
  Object.assign(app.ui, change, { pages: 1 });
  app.changed();
}

function offices(app, cards) {
  if (app.offices.many) {
    const { found, counts } = app.offices;
    if (found === undefined || counts === undefined) return h("p", { class: "muted" }, "…");
    const all = number(app.lang, counts.tenants);
    const whole = found.offices.length >= counts.tenants;
    return h("p", { class: "muted" }, whole ? officesSaid(app, counts.tenants) : app.t("overview.offices", { shown: number(app.lang, found.offices.length), all }));
  }
  const count = new Set(cards.map((each) => each.integration.tenant_id)).size;
  if (count < 2) return cards.length > 0 ? h("p", { class: "muted" }, app.office(cards[0].integration.tenant_id)) : null;
  return h("p", { class: "muted" }, officesSaid(app, count));
}

function officesSaid(app, count) {
  return app.t(`overview.office.${count === 1 ? "one" : "other"}`, { n: number(app.lang, count) });
}

let looking;

function typed(app, search) {
  clearTimeout(looking);
  if (!app.offices.many) return look(app, { search });
  looking = setTimeout(() => look(app, { search }), LOOK_AFTER_MS);
}

function searchBox(app) {
  return h(
    "div",
    { class: "search", role: "search" },
    icon("search"),
    h("input", {
      type: "search",
      "aria-label": app.t(app.offices.many ? "overview.search.office" : "overview.search"),
      placeholder: app.t(app.offices.many ? "overview.search.office" : "overview.search"),
      autocomplete: "off",
      spellcheck: "false",
      value: app.ui.search,
      on: { input: (event) => typed(app, event.target.value) },
    }),
  );
}

function filters(app, counts) {
  const { filter } = app.ui;
  return h(
    "div",
    { class: "filters", key: "filters", role: "group", "aria-label": app.t("overview.filter") },
    Object.keys(FILTERS).map((name) => {
      const count = counts[name];
      return h(
        "button",
        {
          key: name,
          type: "button",
          class: `filter filter-${name}`,
          "aria-pressed": String(filter === name),
          on: { click: () => look(app, { filter: name }) },
        },
        app.t(`filter.${name}`),
        " ",
        h("b", { class: count === 0 ? "count count-none" : "count" }, number(app.lang, count)),
      );
    }),
  );
}

function empty(app, key, act) {
  return h(
    "div",
    { class: "empty", key: "empty" },
    h("h2", null, app.t(key)),
    h("p", { class: "muted" }, app.t(`${key}.text`)),
    act && h("button", { class: "button", type: "button", on: { click: act } }, app.t("overview.showall")),
  );
}

function skeletons(app) {
  return h(
    "div",
    { class: "cards", key: "skeletons", role: "status", "aria-label": app.t("overview.loading") },
    [1, 2, 3].map((each) => h("div", { key: each, class: "card skeleton", "aria-hidden": "true" })),
  );
}

function moreOffices(app) {
  const { found, counts } = app.offices;
  const all = number(app.lang, counts?.tenants ?? found.offices.length);
  return more(app, app.t("overview.offices", { shown: number(app.lang, found.offices.length), all }));
}

function more(app, told) {
  const act = () => {
    app.ui.pages += 1;
    app.changed();
  };
  return h(
    "div",
    { class: "more", key: "more" },
    h("p", { class: "muted" }, told),
    h("button", { class: "button", type: "button", on: { click: act } }, app.t("overview.more")),
  );
}
