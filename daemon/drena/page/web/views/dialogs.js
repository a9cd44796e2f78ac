/** Dialogs: the browser's own, so that focus stays inside and Escape leaves. */

import { cronOf, describe } from "../cron.js";
import { h } from "../dom.js";
import { weekday } from "../format.js";

const OFTEN = ["none", "hourly", "hours", "daily", "weekdays", "weekly", "monthly", "custom"];
const TIMED = new Set(["daily", "weekdays", "weekly", "monthly"]);
const STEPS = [2, 3, 4, 6, 8, 12];

/**
 * @param {{key: string, label: string, closed: () => void, fixed?: boolean}} how `fixed`: Escape does not leave
 */
export function modal({ key, label, closed, fixed = false }, ...children) {
  return h(
    "dialog",
    {
      class: "dialog",
      key,
      "aria-labelledby": label,
      made: (node) => queueMicrotask(() => node.isConnected && node.showModal()),
      on: {
        cancel: (event) => {
          event.preventDefault();
          if (!fixed) closed();
        },
        keydown: (event) => {
          if (fixed && event.key === "Escape") event.preventDefault();
        },
        click: (event) => {
          if (!fixed && event.target === event.currentTarget) closed();
        },
      },
    },
    h("div", { class: "dialog-body" }, children),
  );
}

export function confirmation(app, dialog) {
  const leave = () => close(app, dialog);
  return modal(
    { key: "confirm", label: "dialog-title", closed: leave },
    h("h2", { id: "dialog-title" }, dialog.title),
    h("p", { class: "muted" }, dialog.text),
    h(
      "div",
      { class: "dialog-buttons" },
      h("button", { class: "button", type: "button", autofocus: true, on: { click: leave } }, dialog.no),
      h(
        "button",
        {
          class: dialog.danger ? "button button-danger" : "button button-first",
          type: "button",
          on: {
            click: () => {
              leave();
              void dialog.act();
            },
          },
        },
        dialog.yes,
      ),
    ),
  );
}

/** The focus goes back to where the dialog was opened from. */
function close(app, dialog) {
  app.acts.closeDialog();
  dialog.opener?.isConnected && queueMicrotask(() => requestAnimationFrame(() => dialog.opener.focus()));
}

export function scheduling(app, dialog) {
  const { choice } = dialog;
  const leave = () => close(app, dialog);
  const set = (change) => {
    Object.assign(choice, change);
    dialog.error = "";
    app.changed();
  };
  const submit = async (event) => {
    event.preventDefault();
    const cron = cronOf(choice);
    const schedule = cron === null ? null : { cron, timezone: dialog.timezone.trim() };
    dialog.saving = true;
    app.changed();
    const problem = await app.acts.change(dialog.integration, { schedule }, { quiet: true });
    dialog.saving = false;
    if (problem === null) leave();
    else if (problem.status !== 401) {
      dialog.error = problem.detail || problem.title;
      app.changed();
    }
  };
  return modal(
    { key: "schedule", label: "dialog-title", closed: leave },
    h("h2", { id: "dialog-title" }, app.t("schedule.title", { name: app.provider(dialog.integration.provider_slug) })),
    h(
      "form",
      { class: "fields", on: { submit }, novalidate: true },
      field(app, "schedule.often", "often", (props) =>
        h(
          "select",
          { ...props, value: choice.often, on: { change: (event) => set({ often: event.target.value }) } },
          OFTEN.map((each) => h("option", { key: each, value: each, selected: each === choice.often }, app.t(`schedule.${each}`))),
        ),
      ),
      details(app, dialog, set),
      choice.often !== "none" && zone(app, dialog),
      choice.often !== "none" && choice.often !== "custom" && preview(app, dialog),
      h("p", { class: "field-error", id: "schedule-error", role: "alert" }, dialog.error),
      h(
        "div",
        { class: "dialog-buttons" },
        h("button", { class: "button", type: "button", on: { click: leave } }, app.t("dialog.cancel")),
        h(
          "button",
          { class: "button button-first", type: "submit", "aria-disabled": dialog.saving ? "true" : undefined },
          dialog.saving && h("i", { class: "spinner" }),
          app.t("dialog.save"),
        ),
      ),
    ),
  );
}

function preview(app, dialog) {
  const sentence = describe(app.lang, cronOf(dialog.choice));
  return h("p", { class: "preview" }, h("span", { class: "muted" }, app.t("schedule.preview"), " "), sentence, h("code", null, cronOf(dialog.choice)));
}

function details(app, dialog, set) {
  const { choice } = dialog;
  const typed = (name, as = String) => ({ on: { input: (event) => set({ [name]: as(event.target.value) }) } });
  const amount = (name, key, min, max) =>
    field(app, key, name, (props) => h("input", { ...props, type: "number", min, max, value: String(choice[name]), ...typed(name, Number) }));
  const found = [];
  if (choice.often === "hours")
    found.push(
      field(app, "schedule.every", "every", (props) =>
        h(
          "select",
          { ...props, value: String(choice.every), on: { change: (event) => set({ every: Number(event.target.value) }) } },
          STEPS.map((each) => h("option", { key: each, value: each, selected: each === choice.every }, each)),
        ),
      ),
    );
  if (choice.often === "hourly" || choice.often === "hours") found.push(amount("minute", "schedule.minute", 0, 59));
  if (choice.often === "weekly")
    found.push(
      field(app, "schedule.weekday", "weekday", (props) =>
        h(
          "select",
          { ...props, value: String(choice.weekday), on: { change: (event) => set({ weekday: Number(event.target.value) }) } },
          [1, 2, 3, 4, 5, 6, 0].map((each) => h("option", { key: each, value: each, selected: each === choice.weekday }, weekday(app.lang, each))),
        ),
      ),
    );
  if (choice.often === "monthly") found.push(amount("day", "schedule.day", 1, 31));
  if (TIMED.has(choice.often))
    found.push(field(app, "schedule.time", "time", (props) => h("input", { ...props, type: "time", required: true, value: choice.time, ...typed("time") })));
  if (choice.often === "custom")
    found.push(
      field(
        app,
        "schedule.cron",
        "cron",
        (props) => h("input", { ...props, class: "mono", spellcheck: "false", autocomplete: "off", value: choice.cron, ...typed("cron") }),
        "schedule.cron.hint",
      ),
    );
  return found;
}

function zone(app, dialog) {
  return field(
    app,
    "schedule.zone",
    "zone",
    (props) => [
      h("input", {
        ...props,
        list: "zones",
        spellcheck: "false",
        autocomplete: "off",
        value: dialog.timezone,
        on: {
          input: (event) => {
            dialog.timezone = event.target.value;
            dialog.error = "";
            app.changed();
          },
        },
      }),
      h("datalist", { id: "zones" }, zones().map((name) => h("option", { key: name, value: name }))),
    ],
    "schedule.zone.hint",
  );
}

function zones() {
  const all = Intl.supportedValuesOf?.("timeZone") ?? [];
  return [...all.filter((name) => name.startsWith("America/")), "UTC"];
}

function field(app, label, name, control, hint) {
  const described = [hint && `${name}-hint`, "schedule-error"].filter(Boolean).join(" ");
  return h(
    "div",
    { class: "field", key: name },
    h("label", { for: `schedule-${name}` }, app.t(label)),
    control({ id: `schedule-${name}`, name, "aria-describedby": described }),
    hint && h("p", { class: "hint", id: `${name}-hint` }, app.t(hint)),
  );
}
