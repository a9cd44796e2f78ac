import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient } from "drena-client";
import { DrenaProvider, useIntegrationJobs, useWaitingReason } from "drena-react";
import { createElement as element } from "react";
import { renderToString } from "react-dom/server";

const TENANT = "10000000-0000-4000-8000-000000000001";
const client = createClient({ feedUrl: "ws://127.0.0.1:9", world: { WebSocket: null } });

function render(use, of = client) {
  const seen = [];
  const Component = () => (seen.push(use()), null);
  renderToString(element(DrenaProvider, { client: of }, element(Component)));
  return seen.at(-1);
}

test("on a server that renders pages it is loading, and connects to nothing", () => {
  const shown = render(() => useIntegrationJobs());
  assert.deepEqual([shown.jobs, shown.loading, shown.connection, shown.asOf], [[], true, "reconnecting", null]);
  assert.equal(shown.getActiveJob(TENANT, "acessorias"), undefined);
  assert.equal(shown.getLatestJob(TENANT, "acessorias"), undefined);
  assert.deepEqual(shown.getJobsByProvider("acessorias"), []);
});

test("it returns what the old hook returned, and connection and asOf", () => {
  const old = ["jobs", "loading", "getActiveJob", "getLatestJob", "getJobsByProvider", "submitJob", "refetch"];
  assert.deepEqual(
    Object.keys(render(() => useIntegrationJobs([TENANT]))).sort(),
    [...old, "connection", "asOf"].sort(),
  );
});

test("jobs of a provider are those of all tenants shown, or of the one that is named, as callers have it", () => {
  const job = (id, tenant, slug) => ({ id, tenant_id: tenant, provider_slug: slug, status: "success" });
  const jobs = [job("1", TENANT, "acessorias"), job("2", "other", "acessorias"), job("3", TENANT, "onecode")];
  const shown = { ...client.getServerSnapshot(), jobs };
  const { getJobsByProvider } = render(() => useIntegrationJobs(), {
    subscribe: () => () => {},
    getSnapshot: () => shown,
    getServerSnapshot: () => shown,
  });
  const ids = (...of) => getJobsByProvider(...of).map(({ id }) => id);
  assert.deepEqual([ids("acessorias"), ids(TENANT, "acessorias"), ids("other", "onecode")], [["1", "2"], ["1"], []]);
});

test("asked for no tenant it has nothing to load", () => {
  const shown = render(() => useIntegrationJobs([]));
  assert.deepEqual([shown.jobs, shown.loading], [[], false]);
});

test("a job that does not wait long has no reason", () => {
  assert.equal(
    render(() => useWaitingReason(undefined)),
    null,
  );
});

test("without a provider the error says what is missing", () => {
  const Alone = () => (useIntegrationJobs(), null);
  assert.throws(() => renderToString(element(Alone)), /<DrenaProvider client=/);
});
