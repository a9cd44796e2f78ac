/**
 * What a provider calls a unit or a phase, as people read it: `progressWord(detail, detail.unit, "en")`. A word that it
 * does not say in two languages is shown as it came.
 *
 * @param {ProgressDetail} detail
 * @param {string | null | undefined} word
 * @param {Language} language
 * @returns {string}
 */
export function progressWord(detail: ProgressDetail, word: string | null | undefined, language: Language): string;
/**
 * How old what is shown is: "Dados de 12 s atrás".
 *
 * @param {Date} asOf
 * @param {Language} language
 * @param {number} [now]
 */
export function ageText(asOf: Date, language: Language, now?: number): string;
/**
 * The one word on a card: what its latest job does, else what the integration is.
 *
 * @param {JobView | null | undefined} job
 * @param {IntegrationView | null | undefined} integration
 * @param {Language} language
 */
export function cardText(job: JobView | null | undefined, integration: IntegrationView | null | undefined, language: Language): string;
/** What people read on cards, in notices and about the connection. Problems bring their own words. */
/** @import { IntegrationView, JobView, Language, ProgressDetail } from "./types.js" */
/** @type {Record<Language, Record<string, string>>} */
export const texts: Record<Language, Record<string, string>>;
import type { ProgressDetail } from "./types.js";
import type { Language } from "./types.js";
import type { JobView } from "./types.js";
import type { IntegrationView } from "./types.js";
