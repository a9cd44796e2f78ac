/** What a person can do: run, cancel, do again, change; and the notices that answer. */

import { describe } from "./cron.js";
import { zone } from "./format.js";

const NOTICE_MS = 8_000;
const NOTICES_AT_ONCE = 4;

export class Acts {
  constructor(app) {
    this.app = app;
    this.number = 0;
  }

  /** A sentence for the screen reader, without anything on the screen. */
  say(sentence) {
    // The same sentence twice is read twice only if the text differs.
    const { ui } = this.app;
    ui.said = ui.said === sentence ? `${sentence}\u00a0` : sentence;
    this.app.changed();
  }

  notice(kind, title, detail = "") {
    const { ui } = this.app;
    const known = ui.notices.find((each) => each.kind === kind && each.title === title && each.detail === detail);
    if (known !== undefined) ui.notices.splice(ui.notices.indexOf(known), 1);
    ui.notices.push({ id: (this.number += 1), kind, title, detail, until: Date.now() + NOTICE_MS, held: false });
    if (ui.notices.length > NOTICES_AT_ONCE) ui.notices.shift();
    this.app.changed();
  }

  dismiss(id) {
    this.app.ui.notices = this.app.ui.notices.filter((each) => each.id !== id);
    this.app.changed();
  }

  /** A notice somebody reads, points at or has focused stays. A failure stays until it is closed. */
  hold(id, held) {
    const found = this.app.ui.notices.find((each) => each.id === id);
    if (found) Object.assign(found, { held, until: Date.now() + NOTICE_MS / 2 });
  }

  expireNotices() {
    const now = Date.now();
    this.app.ui.notices = this.app.ui.notices.filter((each) => each.held || each.kind === "error" || each.until > now);
  }

  problem(problem) {
    this.app.refused(problem);
    if (problem.status === 401) return;
    this.notice("error", problem.title || this.app.t("notice.failed"), problem.detail || this.app.t("notice.network"));
  }

  async #busy(key, act) {
    const { ui } = this.app;
    ui.busy.add(key);
    this.app.changed();
    try {
      return await act();
    } finally {
      ui.busy.delete(key);
      this.app.changed();
    }
  }

  /** Ask for a run. Clicking twice is answered, never an error: it is in progress. */
  async run(card) {
    const { app } = this;
    const name = app.name(card.integration);
    const { tenant_id: tenantId, provider_slug: providerSlug } = card.integration;
    const lane = card.job?.lane ?? "";
    const early = card.state === "retrying" || card.state === "scheduled";
    const outcome = await this.#busy(`run/${card.id}`, () => app.client.run({ tenantId, providerSlug, ...(lane ? { lane } : {}) }));
    this.#told(outcome, name, early);
  }

  /** Do an ended job again. */
  async retry(job, integration) {
    const outcome = await this.#busy(`retry/${job.id}`, () => this.app.client.retry(job.id));
    this.#told(outcome, this.app.name(integration), false);
  }

  #told(outcome, name, early) {
    const { app } = this;
    if (outcome.ok) {
      if (outcome.healedJobId) this.notice("info", app.t("notice.healed"), app.t("notice.started", { name }));
      else this.say(app.t("notice.started", { name }));
    } else if (outcome.problem.code === "job_active") {
      this.notice("info", app.t(early ? "notice.pulled" : "notice.active"), app.t("notice.active.text", { name }));
    } else this.problem(outcome.problem);
  }

  /** Ask first when something runs; what only waits is cancelled at once. */
  askToCancel(job, integration) {
    if (job.status === "pending") return void this.cancel(job, integration);
    const { app } = this;
    this.openDialog({
      kind: "confirm",
      title: app.t("confirm.cancel.title"),
      text: app.t("confirm.cancel.text", { name: app.name(integration) }),
      yes: app.t("confirm.cancel.yes"),
      no: app.t("confirm.cancel.no"),
      danger: true,
      act: () => this.cancel(job, integration),
    });
  }

  async cancel(job, integration) {
    const { app } = this;
    const outcome = await this.#busy(`cancel/${job.id}`, () => app.client.cancel(job.id));
    const name = app.name(integration);
    if (outcome.ok) this.say(app.t(outcome.job?.status === "canceled" ? "notice.canceled" : "notice.canceling", { name }));
    else if (outcome.problem.code !== "job_ended") this.problem(outcome.problem);
  }

  setEnabled(integration, enabled) {
    const { app } = this;
    const name = app.name(integration);
    if (enabled) return void this.change(integration, { is_enabled: true });
    this.openDialog({
      kind: "confirm",
      title: app.t("confirm.disable.title", { name }),
      text: app.t("confirm.disable.text"),
      yes: app.t("confirm.disable.yes"),
      no: app.t("dialog.cancel"),
      danger: true,
      act: () => this.change(integration, { is_enabled: false }),
    });
  }

  /** Change an integration; returns the problem, or null. */
  async change(integration, change, { quiet = false } = {}) {
    const { app } = this;
    try {
      await this.#busy(`change/${integration.id}`, () =>
        app.request(`/v1/integrations/${integration.id}`, { method: "PATCH", body: change }),
      );
    } catch (error) {
      if (error?.problem === undefined) throw error;
      if (!quiet) this.problem(error.problem);
      return error.problem;
    }
    const said = change.schedule ? `${describe(app.lang, change.schedule.cron)}, ${zone(app.lang, change.schedule.timezone)}` : app.name(integration);
    this.notice("good", app.t("notice.saved"), said);
    return null;
  }

  openDialog(dialog) {
    this.app.ui.dialog = { ...dialog, opener: document.activeElement };
    this.app.changed();
  }

  closeDialog() {
    this.app.ui.dialog = null;
    this.app.changed();
  }

  async signIn(token) {
    const { app } = this;
    const pasted = token.trim().replace(/^Bearer\s+/i, "");
    if (pasted === "") {
      app.signin.error = app.t("signin.empty");
      return app.changed();
    }
    Object.assign(app.signin, { busy: true, error: "" });
    app.changed();
    app.session.paste(pasted);
    await app.enter();
  }
}
