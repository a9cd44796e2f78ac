/** The hooks. All of them read the one snapshot of the one client; none keeps a copy. */

import { useCallback, useMemo, useSyncExternalStore } from "react";
import { isActive } from "drena-client";

import { noticeOfProblem, reasonText } from "./notices.js";
import { useDrena } from "./provider.js";

/** @import { ConnectionState, JobView, Outcome } from "drena-client" */

/**
 * @typedef {object} IntegrationJobs
 * @property {JobView[]} jobs newest first
 * @property {boolean} loading until there is something to show
 * @property {(tenantId: string, providerSlug: string) => JobView | undefined} getActiveJob the queued or running one
 * @property {(tenantId: string, providerSlug: string) => JobView | undefined} getLatestJob
 * @property {(...of: [providerSlug: string] | [tenantId: string, providerSlug: string]) => JobView[]} getJobsByProvider of
 *   all tenants shown, or of one
 * @property {(tenantId: string, providerSlug: string) => Promise<Outcome>} submitJob never rejects; what went wrong is in
 *   the outcome, and has been told through `onNotice`
 * @property {() => Promise<void>} refetch
 * @property {ConnectionState} connection
 * @property {Date | null} asOf the last moment at which all of this was known to be right
 */

/**
 * The jobs of these tenants, or of all that the person may see, kept right by Drena's feed.
 *
 * @param {readonly string[]} [tenantIds]
 * @returns {IntegrationJobs}
 */
export function useIntegrationJobs(tenantIds) {
  const { client, language, notify } = useDrena();
  // A new array with the same ids on every render, as most callers pass it, must not subscribe anew.
  const key = tenantIds === undefined ? "*" : [...new Set(tenantIds)].sort().join(",");
  const ids = useMemo(() => (key === "*" ? "*" : key.split(",").filter(Boolean)), [key]);

  const subscribe = useCallback((/** @type {() => void} */ listener) => client.subscribe(listener, ids), [client, ids]);
  const shown = useSyncExternalStore(subscribe, client.getSnapshot, client.getServerSnapshot);

  const submitJob = useCallback(
    async (/** @type {string} */ tenantId, /** @type {string} */ providerSlug) => {
      const outcome = await client.run({ tenantId, providerSlug });
      if (!outcome.ok) notify(noticeOfProblem(outcome.problem, language));
      return outcome;
    },
    [client, language, notify],
  );
  const refetch = useCallback(() => client.refetch(), [client]);

  const read = useMemo(() => readers(ids === "*" ? [...shown.jobs] : only(shown.jobs, ids)), [shown.jobs, ids]);
  const { connection, asOf } = shown;
  const loading = shown.loading && ids.length > 0;
  return useMemo(
    () => ({ ...read, loading, submitJob, refetch, connection, asOf }),
    [read, loading, submitJob, refetch, connection, asOf],
  );
}

/**
 * Why a job waits, once it has waited long: for the card of that job.
 *
 * @param {JobView | null | undefined} job
 * @returns {{ text: string, code: string | null, until: string | null } | null} null: it does not wait long; the text is
 *   empty when nobody could say why
 */
export function useWaitingReason(job) {
  const { waits, language } = useDrena();
  const id = job?.id ?? "";
  const get = () => waits.get(id);
  const reason = useSyncExternalStore(waits.subscribe, get, get);
  return useMemo(() => {
    if (reason === undefined) return null;
    return { text: reasonText(reason, language), code: reason?.code ?? null, until: reason?.until ?? null };
  }, [reason, language]);
}

/**
 * @param {readonly JobView[]} jobs
 * @param {readonly string[]} tenantIds
 */
function only(jobs, tenantIds) {
  const wanted = new Set(tenantIds);
  return jobs.filter((job) => wanted.has(job.tenant_id));
}

/** @param {JobView[]} jobs */
function readers(jobs) {
  /**
   * @param {string} tenantId
   * @param {string} providerSlug
   */
  const of = (tenantId, providerSlug) => (/** @type {JobView} */ job) =>
    job.tenant_id === tenantId && job.provider_slug === providerSlug;
  return {
    jobs,
    /** @type {IntegrationJobs["getActiveJob"]} */
    getActiveJob: (tenantId, providerSlug) => {
      const mine = of(tenantId, providerSlug);
      return jobs.find((job) => isActive(job) && mine(job));
    },
    /** @type {IntegrationJobs["getLatestJob"]} */
    getLatestJob: (tenantId, providerSlug) => jobs.find(of(tenantId, providerSlug)),
    /** @type {IntegrationJobs["getJobsByProvider"]} */
    getJobsByProvider: (...names) => {
      const [providerSlug, tenantId] = /** @type {[string, string?]} */ ([...names].reverse());
      return jobs.filter((job) => job.provider_slug === providerSlug && (tenantId ?? job.tenant_id) === job.tenant_id);
    },
  };
}
