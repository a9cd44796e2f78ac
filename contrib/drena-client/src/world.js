/** The browser as the client sees it. Everything that tests replace is here, and nothing else touches it. */

/** @import { World } from "./types.js" */

/**
 * @param {Partial<World>} [own]
 * @returns {World}
 */
export function openWorld(own = {}) {
  return {
    now: () => Date.now(),
    setTimeout: (call, ms) => globalThis.setTimeout(call, ms),
    clearTimeout: (timer) => globalThis.clearTimeout(timer),
    random: () => Math.random(),
    uuid,
    WebSocket: globalThis.WebSocket,
    fetch: (...words) => globalThis.fetch(...words),
    isOnline: () => globalThis.navigator?.onLine !== false,
    isVisible: () => globalThis.document?.visibilityState !== "hidden",
    listen,
    ...own,
  };
}

/** A random UUID; `crypto.randomUUID` is missing on pages that came over plain HTTP. */
function uuid() {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto) globalThis.crypto.getRandomValues(bytes);
  else bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @type {World["listen"]} */
function listen(listener) {
  const online = () => listener("online");
  const offline = () => listener("offline");
  const visibility = () => globalThis.document.visibilityState === "visible" && listener("visible");
  globalThis.addEventListener?.("online", online);
  globalThis.addEventListener?.("offline", offline);
  globalThis.addEventListener?.("pageshow", visibility);
  globalThis.document?.addEventListener("visibilitychange", visibility);
  return () => {
    globalThis.removeEventListener?.("online", online);
    globalThis.removeEventListener?.("offline", offline);
    globalThis.removeEventListener?.("pageshow", visibility);
    globalThis.document?.removeEventListener("visibilitychange", visibility);
  };
}
