/**
 * @typedef {object} DrenaProviderProps
 * @property {DrenaClient} client made once, outside of any component: `const client = createClient({…})`
 * @property {Language} [language] of the texts; Portuguese if left out
 * @property {(notice: Notice) => void} [onNotice] show it as a toast, or however the application tells people things
 * @property {number} [waitingAfterMs] how long a job may be queued before people are told why; 60 s if left out
 * @property {ReactNode} [children]
 */
/** @param {DrenaProviderProps} props */
export function DrenaProvider({ client, language, onNotice, waitingAfterMs, children }: DrenaProviderProps): import("react").FunctionComponentElement<import("react").ProviderProps<Drena | null>>;
/** What the provider holds: the client, for everything that the hooks do not do. */
export function useDrena(): Drena;
export type DrenaProviderProps = {
    /**
     * made once, outside of any component: `const client = createClient({…})`
     */
    client: DrenaClient;
    /**
     * of the texts; Portuguese if left out
     */
    language?: import("drena-client/types").Language | undefined;
    /**
     * show it as a toast, or however the application tells people things
     */
    onNotice?: ((notice: Notice) => void) | undefined;
    /**
     * how long a job may be queued before people are told why; 60 s if left out
     */
    waitingAfterMs?: number | undefined;
    children?: ReactNode;
};
export type Drena = {
    client: DrenaClient;
    language: Language;
    notify: (notice: Notice) => void;
    waits: LongWaits;
};
import type { DrenaClient } from "drena-client";
import type { Notice } from "./notices.js";
import type { ReactNode } from "react";
import type { Language } from "drena-client";
import type { LongWaits } from "./long-waits.js";
