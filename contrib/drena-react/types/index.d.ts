export type IntegrationJobs = import("./hooks.js").IntegrationJobs;
export type Notice = import("./notices.js").Notice;
export type DrenaProviderProps = import("./provider.js").DrenaProviderProps;
export { useIntegrationJobs, useWaitingReason } from "./hooks.js";
export { DrenaProvider, useDrena } from "./provider.js";
