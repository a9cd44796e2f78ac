/**
 * Notices when a job waits long, and asks why.
 *
 * A job that was never tried waits since it was due; one that was goes back to `pending` at moments nobody writes
 * down, so its wait counts from when this page first saw it there. The server's clock is compared with the server's
 * times, never with the browser's.
 */

import { Refused } from "./problems.js";
import { openWorld } from "./world.js";

/** @import { JobView, Reason, World } from "./types.js" */
/** @import { DrenaClient } from "./client.js" */

/** A job that has been pending for this long waits "long". */
export const WAITING_AFTER_MS = 60_000;

/** How often the reason of one that goes on waiting is read again. */
export const AGAIN_MS = 60_000;

/** Timers do not reach further than some weeks. */
const LOOK_AHEAD_MS = 86_400_000;

/**
 * @typedef {object} WaitingOptions
 * @property {number} [afterMs]
 * @property {(job: JobView, reason: Reason | null, first: boolean) => void} onWaiting called when a job has waited long
 *   (`first`), and again with every new reason; the reason is null while it cannot be had
 * @property {(jobId: string) => void} [onOver] it waits no longer
 * @property {Partial<World>} [world]
 */

/**
 * Watch a client's jobs for long waits. It holds a subscription of its own for no tenant, so it keeps no socket open.
 *
 * @param {Pick<DrenaClient, "subscribe" | "getSnapshot" | "why" | "serverNow">} client
 * @param {WaitingOptions} options
 * @returns {() => void} ends the watch
 */
export function watchWaiting(client, { afterMs = WAITING_AFTER_MS, onWaiting, onOver, world: own }) {
  const world = openWorld(own);
  /** @type {Map<string, { timer: any, attempts: number, told: boolean }>} */
  const watched = new Map();
  /** One question at a time, however many wait. @type {Promise<void>} */
  let asking = Promise.resolve();

  /** @param {string} id */
  const look = async (id) => {
    const job = client.getSnapshot().jobs.find((each) => each.id === id);
    const entry = watched.get(id);
    if (!job || !entry) return;
    const reason = await client.why(id).catch((/** @type {unknown} */ error) => {
      if (error instanceof Refused) return null;
      throw error;
    });
    if (watched.get(id) !== entry) return;
    onWaiting(job, reason, !entry.told);
    entry.told = true;
    entry.timer = world.setTimeout(() => ask(id), AGAIN_MS);
  };

  /** @param {string} id */
  const ask = (id) => {
    asking = asking.then(() => look(id));
  };

  /** @param {JobView} job */
  const enter = (job) => {
    const due = Math.max(Date.parse(job.created_at), Date.parse(job.run_at ?? job.created_at));
    const since = job.attempts === 0 ? due : client.serverNow();
    const wait = Math.max(0, since + afterMs - client.serverNow());
    if (wait > LOOK_AHEAD_MS) return; // it is due another day; this is asked again with every change
    watched.set(job.id, { timer: world.setTimeout(() => ask(job.id), wait), attempts: job.attempts, told: false });
  };

  /** @param {string} id */
  const leave = (id) => {
    const entry = watched.get(id);
    world.clearTimeout(entry?.timer);
    watched.delete(id);
    if (entry?.told) onOver?.(id);
  };

  const compare = () => {
    const jobs = client.getSnapshot().jobs.filter((job) => job.status === "pending");
    const pending = new Map(jobs.map((job) => [job.id, job]));
    for (const [id, entry] of [...watched]) if (pending.get(id)?.attempts !== entry.attempts) leave(id);
    for (const [id, job] of pending) if (!watched.has(id)) enter(job);
  };

  const unsubscribe = client.subscribe(compare, []);
  compare();
  return () => {
    unsubscribe();
    for (const id of [...watched.keys()]) leave(id);
  };
}
