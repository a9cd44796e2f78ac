/**
 * Which offices to follow, for somebody who sees more of them than a browser should follow at once.
 *
 * The daemon finds them: by words, and by what their integrations do, so that a failure in any of ten thousand offices is
 * a click away. What was found is followed by the feed, and so is live; the list and the numbers are asked for again
 * every few seconds, for what happens in offices that are not followed.
 */

/** With more offices than this, only those that are looked for are followed. */
export const OFFICES_AT_ONCE = 60;
/** "More" adds to them up to here; a search is the better way then. */
const PAGES_AT_MOST = 4;
const AGAIN_MS = 8_000;

export class Offices {
  constructor(app) {
    this.app = app;
    this.kept = { key: "", ids: [] };
  }

  /** Whether one feed of every office would be too much. */
  get many() {
    const { me } = this.app;
    return me !== null && (me.tenants.length > OFFICES_AT_ONCE || me.next_cursor !== null);
  }

  /** Those that were found for the words and the filter; undefined until they are there. */
  get found() {
    const { search, filter, pages } = this.app.ui;
    const query = { search: search.trim(), state: filter === "all" ? "any" : filter, limit: OFFICES_AT_ONCE * Math.min(pages, PAGES_AT_MOST) };
    const { data } = this.#need(`offices/${JSON.stringify(query)}`, "/v1/tenants", query);
    return data && { offices: data.items, more: data.next_cursor !== null && pages < PAGES_AT_MOST };
  }

  /** How many integrations are in which state, over all offices that the words name. */
  get counts() {
    const search = this.app.ui.search.trim();
    return this.#need(`counts/${search}`, "/v1/counts", { search }).data;
  }

  #need(key, path, query) {
    return this.app.resources.need(key, () => this.app.request(path, { query }), { everyMs: AGAIN_MS });
  }

  /**
   * The ids to subscribe to. An office that was found a moment ago stays for as long as the same is looked for: to let go
   * of each as its job ends would mean a new connection every time.
   *
   * @returns {string[] | null} null: nothing is known yet, so what is followed stays
   */
  wanted() {
    const { search, filter } = this.app.ui;
    const { found } = this;
    const shown = this.app.shownIntegration() ?? null;
    if (found === undefined && this.kept.ids.length === 0 && shown === null) return null;
    const key = `${search.trim()}/${filter}`;
    const before = this.kept.key === key || found === undefined ? this.kept.ids : [];
    const ids = new Set(found?.offices.map((each) => each.id));
    for (const id of before) if (ids.size < OFFICES_AT_ONCE * (PAGES_AT_MOST + 1)) ids.add(id);
    if (found !== undefined) this.kept = { key, ids: [...ids] };
    if (shown !== null) ids.add(shown.tenant_id);
    return [...ids].sort();
  }
}
