/** What stands around every view: the bar at the top, the connection, notices, dialogs. */

import { h } from "../dom.js";
import { icon, mark } from "../icons.js";
import { THEMES } from "../preferences.js";
import { detail } from "./detail.js";
import { confirmation, scheduling } from "./dialogs.js";
import { nodes } from "./nodes.js";
import { overview } from "./overview.js";
import { broken, expired, signIn } from "./signin.js";

const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };
const VIEWS = { overview, integration: detail, nodes };

export function frame(app) {
  if (app.phase !== "ready") {
    document.title = app.t("app.title");
    return [topBar(app, false), main(app, outside(app)), announcer(app)];
  }
  return [
    h("a", { class: "skip", href: "#main", on: { click: skip } }, app.t("app.skip")),
    topBar(app, true),
    outOfTouch(app),
    main(app, VIEWS[app.route.name](app)),
    notices(app),
    dialog(app),
    announcer(app),
  ];
}

function main(app, view) {
  return h("main", { id: "main", tabindex: "-1", key: `main/${app.phase}/${app.route.name}/${app.route.id}` }, view);
}

function skip(event) {
  event.preventDefault(); // the address names the view
  document.getElementById("main")?.focus();
}

function outside(app) {
  if (app.phase === "signin") return signIn(app);
  return app.phase === "broken" ? broken(app) : h("div", { class: "boot", "aria-hidden": "true" }, mark(44));
}

function topBar(app, inside) {
  return h(
    "header",
    { class: "bar", key: "bar" },
    h(
      "div",
      { class: "bar-inner" },
      h("a", { class: "brand", href: "#/", "aria-label": "Drena" }, mark(), h("span", { class: "brand-name" }, "Drena")),
      inside && navigation(app),
      h(
        "div",
        { class: "bar-end" },
        inside && connectionChip(app),
        languageSwitch(app),
        themeSwitch(app),
        inside && !app.session.open && !app.session.canBeHanded && iconButton("exit", app.t("signout"), () => app.signOut()),
      ),
    ),
  );
}

function navigation(app) {
  const link = (name, href, label) =>
    h("a", { key: name, href, class: "tab", "aria-current": app.route.name === name ? "page" : undefined }, app.t(label));
  return h("nav", { "aria-label": app.t("nav.label") }, link("overview", "#/", "nav.overview"), link("nodes", "#/nodes", "nav.nodes"));
}

function connectionChip(app) {
  const { state, said, age } = app.connection();
  const quiet = state !== "live" && !app.outOfTouch && app.snapshot.asOf !== null; // a blink is not worth a word
  const shown = quiet ? { state: "live", said: app.t("connection.live"), age: "" } : { state, said, age };
  return h(
    "span",
    { class: `chip chip-${shown.state}`, "data-connection": state },
    h("i", { class: "dot" }),
    h("span", null, shown.said, shown.age && h("span", { class: "chip-age" }, " · ", shown.age)),
  );
}

function languageSwitch(app) {
  const button = (lang, label) =>
    h(
      "button",
      { key: lang, type: "button", lang: lang === "pt" ? "pt-BR" : "en", "aria-pressed": String(app.lang === lang), "aria-label": label, on: { click: () => app.speak(lang) } },
      lang.toUpperCase(),
    );
  return h("div", { class: "switch", role: "group", "aria-label": app.t("lang.label") }, button("pt", "PT · Português"), button("en", "EN · English"));
}

function themeSwitch(app) {
  const { theme } = app.preferences;
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return iconButton(THEME_ICONS[theme], app.t(`theme.${theme}`), () => app.preferences.setTheme(next));
}

export function iconButton(name, label, act, props = {}) {
  return h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, on: { click: act }, ...props }, icon(name, 20));
}

function outOfTouchSaid(app) {
  const { said, age, why } = app.connection();
  if (why !== undefined) return [h("strong", null, said, "."), " ", why];
  return [h("strong", null, `${said.replace("…", "")}: ${age}.`), " ", app.t("connection.banner")];
}

function outOfTouch(app) {
  const refused = app.connection().why !== undefined;
  if (!(app.outOfTouch || refused) || app.signin.expired) return null;
  return h(
    "div",
    { class: "banner", key: "banner" },
    h("div", { class: "banner-inner" }, icon("alert"), h("p", null, outOfTouchSaid(app))),
  );
}

const NOTICE_ICONS = { info: "info", good: "check", error: "alert" };

function notices(app) {
  return h(
    "div",
    { class: "notices", key: "notices", role: "status", "aria-live": "polite", "aria-atomic": "false" },
    app.ui.notices.map((notice) => {
      const hold = (held) => () => app.acts.hold(notice.id, held);
      return h(
        "div",
        {
          class: `notice notice-${notice.kind}`,
          key: `notice/${notice.id}`,
          on: { pointerenter: hold(true), pointerleave: hold(false), focusin: hold(true), focusout: hold(false) },
        },
        icon(NOTICE_ICONS[notice.kind], 20),
        h("div", { class: "notice-words" }, h("strong", null, notice.title), notice.detail && h("span", null, notice.detail)),
        iconButton("close", app.t("notice.close"), () => app.acts.dismiss(notice.id)),
      );
    }),
  );
}

function dialog(app) {
  if (app.signin.expired) return expired(app);
  const open = app.ui.dialog;
  if (open === null) return null;
  return open.kind === "confirm" ? confirmation(app, open) : scheduling(app, open);
}

function announcer(app) {
  return h("div", { class: "unseen", key: "announcer", "aria-live": "polite", "data-announcer": "" }, app.ui.said);
}
