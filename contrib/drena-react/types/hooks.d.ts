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
export function useIntegrationJobs(tenantIds?: readonly string[]): IntegrationJobs;
/**
 * Why a job waits, once it has waited long: for the card of that job.
 *
 * @param {JobView | null | undefined} job
 * @returns {{ text: string, code: string | null, until: string | null } | null} null: it does not wait long; the text is
 *   empty when nobody could say why
 */
export function useWaitingReason(job: JobView | null | undefined): {
    text: string;
    code: string | null;
    until: string | null;
} | null;
export type IntegrationJobs = {
    /**
     * newest first
     */
    jobs: JobView[];
    /**
     * until there is something to show
     */
    loading: boolean;
    /**
     * the queued or running one
     */
    getActiveJob: (tenantId: string, providerSlug: string) => JobView | undefined;
    getLatestJob: (tenantId: string, providerSlug: string) => JobView | undefined;
    /**
     * of
     * all tenants shown, or of one
     */
    getJobsByProvider: (...of: [providerSlug: string] | [tenantId: string, providerSlug: string]) => JobView[];
    /**
     * never rejects; what went wrong is in
     * the outcome, and has been told through `onNotice`
     */
    submitJob: (tenantId: string, providerSlug: string) => Promise<Outcome>;
    refetch: () => Promise<void>;
    connection: ConnectionState;
    /**
     * the last moment at which all of this was known to be right
     */
    asOf: Date | null;
};
import type { JobView } from "drena-client";
import type { Outcome } from "drena-client";
import type { ConnectionState } from "drena-client";
