/** Coming in: pasting a token, waiting for one, and coming back when it has expired. */

import { h } from "../dom.js";
import { icon, mark } from "../icons.js";
import { modal } from "./dialogs.js";

export function signIn(app) {
  return h(
    "div",
    { class: "door", key: "signin" },
    h(
      "section",
      { class: "door-card", "aria-labelledby": "signin-title" },
      mark(48),
      h("h1", { id: "signin-title", tabindex: "-1" }, app.t("signin.title")),
      app.signin.waiting ? h("p", { class: "door-wait", role: "status" }, h("i", { class: "spinner" }), app.t("signin.waiting")) : form(app, "signin.text"),
    ),
  );
}

export function expired(app) {
  return modal(
    { key: "expired", label: "expired-title", closed: () => {}, fixed: true },
    h("h2", { id: "expired-title" }, app.t("signin.expired")),
    form(app, "signin.expired.text"),
  );
}

function form(app, explanation) {
  const { error, busy } = app.signin;
  const submit = (event) => {
    event.preventDefault();
    if (busy) return;
    void app.acts.signIn(event.target.elements.token.value);
  };
  return h(
    "form",
    { class: "door-form", on: { submit }, novalidate: true },
    h("p", { class: "muted", id: "token-hint" }, app.t(explanation)),
    h("label", { for: "token" }, app.t("signin.token")),
    h(
      "div",
      { class: "field-with-button" },
      h("input", {
        id: "token",
        name: "token",
        type: app.ui.tokenShown ? "text" : "password",
        autocomplete: "off",
        autocapitalize: "off",
        spellcheck: "false",
        "aria-describedby": error ? "token-hint token-error" : "token-hint",
        "aria-invalid": error ? "true" : undefined,
        made: (node) => queueMicrotask(() => node.focus()),
      }),
      h(
        "button",
        {
          class: "icon-button",
          type: "button",
          "aria-pressed": String(Boolean(app.ui.tokenShown)),
          "aria-label": app.t(app.ui.tokenShown ? "signin.hide" : "signin.show"),
          on: {
            click: () => {
              app.ui.tokenShown = !app.ui.tokenShown;
              app.changed();
            },
          },
        },
        icon("eye", 20),
      ),
    ),
    h("p", { class: "field-error", id: "token-error", role: "alert" }, error),
    h(
      "button",
      { class: "button button-first button-wide", type: "submit", "aria-disabled": busy ? "true" : undefined },
      busy && h("i", { class: "spinner" }),
      app.t(busy ? "signin.checking" : "signin.go"),
    ),
  );
}

export function broken(app) {
  return h(
    "div",
    { class: "door", key: "broken" },
    h(
      "section",
      { class: "door-card", role: "alert" },
      mark(48),
      h("h1", { tabindex: "-1" }, app.t("broken.title")),
      h("p", { class: "muted" }, app.t("broken.text")),
      h("p", { class: "door-wait" }, h("i", { class: "spinner" })),
    ),
  );
}
