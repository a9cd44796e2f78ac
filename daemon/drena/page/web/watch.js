/** What has to be said aloud, and where the focus belongs, when the picture changes. */

import { isActive } from "./model.js";

/** With more jobs than this in view, hearing of each would drown the rest. */
const SPOKEN_AT_MOST = 300;

export class Watch {
  constructor(app) {
    this.app = app;
    this.jobs = new Map();
    this.begun = false;
    this.touch = true;
    this.focusHeading = false;
  }

  /** Compare the feed's picture with the last one, and say what has become of jobs and of the connection. */
  look() {
    const { app } = this;
    const { jobs, loading, connection } = app.snapshot;
    const seen = new Map(jobs.map((job) => [job.id, `${job.status}/${job.attempts}`]));
    if (this.begun && jobs.length <= SPOKEN_AT_MOST) for (const job of jobs) this.#compare(job);
    this.jobs = seen;
    this.begun ||= !loading && connection === "live";
  }

  #compare(job) {
    const before = this.jobs.get(job.id);
    const [status] = (before ?? "new/0").split("/");
    if (status === job.status || (before === undefined && !isActive(job))) return;
    const { app } = this;
    const name = `${app.provider(job.provider_slug)}, ${app.office(job.tenant_id)}`;
    if (job.status === "pending") {
      if (status === "running" && job.error_message) app.acts.say(app.t("announce.retrying", { name }));
      return;
    }
    app.acts.say(app.t(`announce.${job.status}`, { name, message: job.error_message ?? "" }).trim());
  }

  navigated() {
    this.focusHeading = true;
  }

  /** After a picture was drawn: the focus goes where a person went, and lost touch is told once. */
  drawn() {
    const { app } = this;
    if (this.focusHeading) {
      const heading = document.querySelector("h1");
      if (heading !== null) {
        this.focusHeading = false;
        heading.focus({ preventScroll: true });
      }
    }
    if (this.touch === app.outOfTouch) {
      this.touch = !app.outOfTouch;
      if (this.begun) app.acts.say(app.t(this.touch ? "connection.back" : "connection.lost"));
    }
  }
}
