/**
 * One client for the whole application, and one place that tells people what happened. It holds no socket: that opens
 * with the first hook that shows jobs, and all hooks share it.
 */

import { createContext, createElement, useContext, useEffect, useMemo, useRef } from "react";
import { watchWaiting } from "drena-client";

import { longWaits, restraint } from "./long-waits.js";
import { noticeOfWaiting } from "./notices.js";

/** @import { ReactNode } from "react" */
/** @import { DrenaClient, Language } from "drena-client" */
/** @import { LongWaits } from "./long-waits.js" */
/** @import { Notice } from "./notices.js" */

/**
 * @typedef {object} Drena
 * @property {DrenaClient} client
 * @property {Language} language
 * @property {(notice: Notice) => void} notify
 * @property {LongWaits} waits
 */

const Context = createContext(/** @type {Drena | null} */ (null));

/**
 * @typedef {object} DrenaProviderProps
 * @property {DrenaClient} client made once, outside of any component: `const client = createClient({…})`
 * @property {Language} [language] of the texts; Portuguese if left out
 * @property {(notice: Notice) => void} [onNotice] show it as a toast, or however the application tells people things
 * @property {number} [waitingAfterMs] how long a job may be queued before people are told why; 60 s if left out
 * @property {ReactNode} [children]
 */

/** @param {DrenaProviderProps} props */
export function DrenaProvider({ client, language = "pt", onNotice, waitingAfterMs, children }) {
  const latest = useRef(onNotice);
  useEffect(() => {
    latest.current = onNotice;
  });
  const drena = useMemo(() => {
    const notify = (/** @type {Notice} */ notice) => latest.current?.(notice);
    return { client, language, notify, waits: longWaits() };
  }, [client, language]);
  useEffect(() => {
    const mayTell = restraint();
    return watchWaiting(drena.client, {
      afterMs: waitingAfterMs,
      onWaiting: (job, reason, first) => {
        drena.waits.set(job.id, reason);
        if (first && mayTell()) drena.notify(noticeOfWaiting(job, reason, drena.language));
      },
      onOver: (jobId) => drena.waits.delete(jobId),
    });
  }, [drena, waitingAfterMs]);
  return createElement(Context.Provider, { value: drena }, children);
}

/** What the provider holds: the client, for everything that the hooks do not do. */
export function useDrena() {
  const drena = useContext(Context);
  if (drena === null) throw new Error("useIntegrationJobs and its like need a <DrenaProvider client={…}> around them");
  return drena;
}
