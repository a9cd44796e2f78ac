/** The first view: a card for each integration, what is going on in numbers, search. */

import { h } from "../dom.js";
import { number } from "../format.js";
import { icon } from "../icons.js";
import { FILTERS, matches } from "../model.js";
import { card } from "./card.js";

/** So many cards are drawn at once; the rest is a click, or a word in the search, away. */
const CARDS_AT_ONCE = 60;
const SEARCH_FROM = 7;
/** A word being typed is not followed letter by letter. */
const FOLLOW_AFTER_MS = 350;

export function overview(app) {
  document.title = app.t("app.title");
  const all = app.cards();
  const { search, filter } = app.ui;
  const found = all.filter((each) => search.trim() === "" || matches(search, wordsOf(app, each.integration)));
  const shown = found.filter((each) => FILTERS[filter].includes(each.state));
  const page = shown.slice(0, CARDS_AT_ONCE * app.ui.pages);
  return [
    h(
      "div",
      { class: "head" },
      h("div", null, h("h1", { tabindex: "-1" }, app.t("overview.title")), offices(app, all)),
      (all.length >= SEARCH_FROM || search !== "" || app.manyOffices) && searchBox(app),
    ),
    all.length > 0 && filters(app, found),
    all.length === 0 && app.snapshot.loading && skeletons(app),
    all.length === 0 && !app.snapshot.loading && empty(app, "overview.none"),
    all.length > 0 && shown.length === 0 && empty(app, "overview.unmatched", () => look(app, { search: "", filter: "all" })),
    h("ul", { class: "cards", key: "cards", role: "list" }, page.map((each) => card(app, each))),
    page.length < shown.length && more(app, page.length, shown.length),
  ];
}

function wordsOf(app, integration) {
  const tenant = app.snapshot.tenants.find((each) => each.id === integration.tenant_id);
  return [app.office(integration.tenant_id), tenant?.slug ?? "", app.provider(integration.provider_slug), integration.provider_slug];
}

let following;

function look(app, change) {
  Object.assign(app.ui, change, { pages: 1 });
  clearTimeout(following);
  if (app.manyOffices) following = setTimeout(() => app.follow(), FOLLOW_AFTER_MS);
  app.changed();
}

function offices(app, cards) {
  const count = new Set(cards.map((each) => each.integration.tenant_id)).size;
  if (app.manyOffices) {
    const all = `${number(app.lang, app.me.tenants.length)}${app.me.tenants.length >= 1_000 ? "+" : ""}`;
    return h("p", { class: "muted" }, app.t("overview.offices", { shown: number(app.lang, app.tenants.length), all }));
  }
  if (count < 2) return cards.length > 0 ? h("p", { class: "muted" }, app.office(cards[0].integration.tenant_id)) : null;
  return h("p", { class: "muted" }, app.t("overview.office.other", { n: number(app.lang, count) }));
}

function searchBox(app) {
  return h(
    "div",
    { class: "search", role: "search" },
    icon("search"),
    h("input", {
      type: "search",
      "aria-label": app.t("overview.search"),
      placeholder: app.t("overview.search"),
      autocomplete: "off",
      spellcheck: "false",
      value: app.ui.search,
      on: { input: (event) => look(app, { search: event.target.value }) },
    }),
  );
}

function filters(app, cards) {
  const { filter } = app.ui;
  return h(
    "div",
    { class: "filters", key: "filters", role: "group", "aria-label": app.t("overview.filter") },
    Object.keys(FILTERS).map((name) => {
      const count = cards.filter((each) => FILTERS[name].includes(each.state)).length;
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

function more(app, shown, all) {
  const act = () => {
    app.ui.pages += 1;
    app.changed();
  };
  return h(
    "div",
    { class: "more", key: "more" },
    h("p", { class: "muted" }, app.t("overview.some", { shown: number(app.lang, shown), all: number(app.lang, all) })),
    h("button", { class: "button", type: "button", on: { click: act } }, app.t("overview.more")),
  );
}
