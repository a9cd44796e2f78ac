/** The browser as the client sees it. Everything that tests replace is here, and nothing else touches it. */
/** @import { World } from "./types.js" */
/**
 * @param {Partial<World>} [own]
 * @returns {World}
 */
export function openWorld(own?: Partial<World>): World;
import type { World } from "./types.js";
