/** The public names of drena-react. */

export { useIntegrationJobs, useWaitingReason } from "./hooks.js";
export { DrenaProvider, useDrena } from "./provider.js";

/**
 * @typedef {import("./hooks.js").IntegrationJobs} IntegrationJobs
 * @typedef {import("./notices.js").Notice} Notice
 * @typedef {import("./provider.js").DrenaProviderProps} DrenaProviderProps
 */
