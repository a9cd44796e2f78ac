/** The public names of drena-client. */

export { createClient, DrenaClient } from "./client.js";
export { Refused } from "./problems.js";
export { isActive } from "./tenant-state.js";
export { ageText, cardText, progressWord, texts } from "./texts.js";
export { watchWaiting } from "./waiting.js";

/**
 * @typedef {import("./types.js").ClientOptions} ClientOptions
 * @typedef {import("./types.js").ConnectionState} ConnectionState
 * @typedef {import("./types.js").FeedSnapshot} FeedSnapshot
 * @typedef {import("./types.js").IntegrationView} IntegrationView
 * @typedef {import("./types.js").JobStatus} JobStatus
 * @typedef {import("./types.js").JobView} JobView
 * @typedef {import("./types.js").Language} Language
 * @typedef {import("./types.js").Outcome} Outcome
 * @typedef {import("./types.js").Problem} Problem
 * @typedef {import("./types.js").ProgressDetail} ProgressDetail
 * @typedef {import("./types.js").Reason} Reason
 * @typedef {import("./types.js").Tenant} Tenant
 */
