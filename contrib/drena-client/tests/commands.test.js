import assert from "node:assert/strict";
import { test } from "node:test";

import { delta, job, snapshot, Stage, TENANT } from "./support/stage.js";

const HTTP = { httpUrl: "https://drena.test" };
const WHAT = { tenantId: TENANT, providerSlug: "acessorias" };
const ACTIVE = {
  type: "/problems/job_active",
  title: "Execução em andamento",
  status: 409,
  detail: "Já existe uma execução.",
  code: "job_active",
  request_id: "r-1",
  active_job: job(1, { status: "running", version: 3 }),
  retry_after_s: 5,
};

/** The outcome of a promise that may not be settled yet. */
function watch(promise) {
  const seen = { outcome: undefined };
  promise.then((outcome) => (seen.outcome = outcome));
  return seen;
}

test("run goes over the feed while it is live, and its job is shown at once", async () => {
  const stage = new Stage(HTTP);
  await stage.live();
  const seen = watch(stage.client.run({ ...WHAT, lane: "deliveries", payload: { full: true } }));
  await stage.pass(0);
  const [run] = stage.socket.of("run");
  const asked = {
    t: "run",
    tenant_id: TENANT,
    provider_slug: "acessorias",
    lane: "deliveries",
    payload: { full: true },
  };
  assert.deepEqual(run, { ...asked, ref: "key-1" });
  await stage.say({ t: "reply", ref: "key-1", ok: true, job: job(1), healed_job_id: "old" });
  assert.deepEqual(seen.outcome, { ok: true, job: job(1), healedJobId: "old" });
  assert.deepEqual(stage.shown.jobs, [job(1)]);
  assert.deepEqual(stage.world.requests, []);
});

test("a refusal of the feed comes back whole, and shows the job that is in the way", async () => {
  const stage = new Stage(HTTP);
  await stage.live();
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(0);
  await stage.say({ t: "reply", ref: "key-1", ok: false, problem: ACTIVE });
  const { ok, problem } = seen.outcome;
  assert.equal(ok, false);
  assert.deepEqual(
    [problem.kind, problem.code, problem.status, problem.title],
    ["refused", "job_active", 409, ACTIVE.title],
  );
  assert.deepEqual([problem.activeJob, problem.retryAfterS, problem.requestId], [ACTIVE.active_job, 5, "r-1"]);
  assert.deepEqual(stage.shown.jobs, [ACTIVE.active_job]);
});

test("run goes over HTTP while the feed is not live, with a key, and keeps the body of a 409", async () => {
  const stage = new Stage({ ...HTTP, language: "en" });
  stage.world.answer = () => ({ status: 409, body: ACTIVE });
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(0);
  const [request] = stage.world.requests;
  assert.deepEqual([request.method, request.path], ["POST", "/v1/jobs"]);
  assert.deepEqual(request.body, { tenant_id: TENANT, provider_slug: "acessorias" });
  const { "Idempotency-Key": key, "Accept-Language": language } = request.headers;
  assert.deepEqual([key, language], ["key-1", "en"]);
  assert.deepEqual([seen.outcome.problem.code, seen.outcome.problem.kind], ["job_active", "refused"]);
});

test("a reply that is lost with its socket is asked for over HTTP under the same key", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = () => ({ status: 201, body: job(1) });
  await stage.live();
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(0);
  await stage.drop(1006);
  assert.equal(stage.world.sockets[0].of("run")[0].ref, "key-1");
  assert.equal(stage.world.requests[0].headers["Idempotency-Key"], "key-1");
  assert.deepEqual(seen.outcome, { ok: true, job: job(1), healedJobId: null });
});

test("a reply that does not come within ten seconds is asked for over HTTP under the same key", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = () => ({ status: 201, body: job(1) });
  await stage.live();
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(9_999);
  assert.equal(seen.outcome, undefined);
  await stage.pass(1);
  assert.equal(stage.world.requests[0].headers["Idempotency-Key"], "key-1");
  assert.equal(seen.outcome.ok, true);
});

test("a retry whose reply is lost is said to be lost, since asking again could start a second job", async () => {
  const stage = new Stage(HTTP);
  await stage.live();
  const seen = watch(stage.client.retry("b"));
  await stage.pass(0);
  await stage.drop();
  await stage.pass(5_000);
  assert.equal(seen.outcome.problem.code, "answer_lost");
  assert.deepEqual(
    stage.world.requests.filter(({ method }) => method === "POST"),
    [],
  );
});

test("a retry over HTTP that nobody answers is sent once, a cancel up to three times", async () => {
  const stage = new Stage(HTTP);
  stage.client.retry("b");
  stage.client.cancel("c");
  await stage.pass(5_000);
  const posts = stage.world.requests.filter(({ method }) => method === "POST").map(({ path }) => path.at(-1));
  assert.deepEqual(posts.sort().join(""), "llly");
});

test("without HTTP a lost reply is said to be lost, and nothing is sent twice", async () => {
  const stage = new Stage();
  await stage.live();
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(0);
  await stage.drop();
  await stage.next(600);
  await stage.live();
  assert.deepEqual([seen.outcome.problem.kind, seen.outcome.problem.code], ["network", "answer_lost"]);
  assert.deepEqual(stage.socket.of("run"), []);
});

test("a request that nobody answers is repeated under its one key, three times in all", async () => {
  const stage = new Stage(HTTP);
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(60_000);
  const posts = stage.world.requests.filter((request) => request.method === "POST");
  assert.deepEqual(
    posts.map(({ headers }) => headers["Idempotency-Key"]),
    ["key-1", "key-1", "key-1"],
  );
  assert.deepEqual([seen.outcome.problem.kind, seen.outcome.problem.status], ["network", 0]);
  assert.ok(seen.outcome.problem.detail);
});

test("a refusal is not repeated", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = () => ({
    status: 422,
    body: { status: 422, code: "integration_disabled", title: "Desativada" },
  });
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(5_000);
  assert.equal(stage.world.requests.filter((request) => request.method === "POST").length, 1);
  assert.equal(seen.outcome.problem.code, "integration_disabled");
});

test("a server that cannot just now is asked again, and its problem is neither refusal nor network", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = () => ({ status: 503, body: { status: 503, code: "database_away", title: "x" } });
  const seen = watch(stage.client.run(WHAT));
  await stage.pass(5_000);
  assert.equal(stage.world.requests.filter((request) => request.method === "POST").length, 3);
  assert.deepEqual([seen.outcome.problem.kind, seen.outcome.problem.code], ["unavailable", "database_away"]);
});

for (const [what, status, body, kind] of [
  ["an error page of a proxy", 502, "<html>Bad Gateway</html>", "unavailable"],
  ["a page where JSON was due", 200, "<html>Hotel WLAN: please sign in</html>", "refused"],
  ["JSON of somebody else", 404, { message: "no Route matched" }, "refused"],
]) {
  test(`${what} is a problem with words of our own`, async () => {
    const stage = new Stage(HTTP);
    stage.world.answer = () => ({ status, body });
    const seen = watch(stage.client.run(WHAT));
    await stage.pass(5_000);
    const { problem } = seen.outcome;
    assert.deepEqual([problem.code, problem.kind, problem.status], ["answer_invalid", kind, status]);
    assert.match(problem.detail, new RegExp(String(status)));
  });
}

test("cancel and retry go over the feed while it is live, over HTTP otherwise", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = ({ path }) => (path === "/v1/jobs/b/retry" ? { status: 202, body: job(2) } : never());
  const never = () => new Promise(() => {});
  const first = watch(stage.client.retry("b"));
  await stage.pass(0);
  assert.deepEqual([first.outcome.ok, stage.world.requests[0].method], [true, "POST"]);
  await stage.live([job(1)]);
  const second = watch(stage.client.cancel(job(1).id));
  await stage.pass(0);
  assert.deepEqual(stage.socket.of("cancel"), [{ t: "cancel", job_id: job(1).id, ref: "key-2" }]);
  await stage.say({ t: "reply", ref: "key-2", ok: true, job: job(1, { version: 2, status: "canceled" }) });
  assert.equal(second.outcome.job.status, "canceled");
  assert.equal(stage.shown.jobs.find((each) => each.id === job(1).id).status, "canceled");
});

test("two clicks are two requests: the second is refused by the server, not swallowed here", async () => {
  const stage = new Stage(HTTP);
  await stage.live();
  const [one, two] = [watch(stage.client.run(WHAT)), watch(stage.client.run(WHAT))];
  await stage.pass(0);
  assert.deepEqual(
    stage.socket.of("run").map(({ ref }) => ref),
    ["key-1", "key-2"],
  );
  await stage.say(
    { t: "reply", ref: "key-2", ok: false, problem: ACTIVE },
    { t: "reply", ref: "key-1", ok: true, job: job(1) },
  );
  assert.deepEqual([one.outcome.ok, two.outcome.ok], [true, false]);
});

test("an answer that is older than what the feed has brought takes nothing back", async () => {
  const stage = new Stage(HTTP);
  await stage.live();
  stage.client.run(WHAT);
  await stage.pass(0);
  await stage.say(delta(11, 11, [job(1, { version: 4, status: "success" })]));
  await stage.say({ t: "reply", ref: "key-1", ok: true, job: job(1) });
  assert.deepEqual(
    stage.shown.jobs.map((each) => each.status),
    ["success"],
  );
});

test("the net: a job that the feed has not brought after a moment is read over HTTP", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = () => ({ body: job(1, { version: 2, status: "running" }) });
  await stage.live();
  stage.client.run(WHAT);
  await stage.pass(0);
  await stage.say({ t: "reply", ref: "key-1", ok: true, job: job(1) });
  await stage.pass(1_500);
  assert.deepEqual(
    stage.world.requests.map(({ method, path }) => `${method} ${path}`),
    [`GET /v1/jobs/${job(1).id}`],
  );
  assert.equal(stage.shown.jobs[0].status, "running");
});

test("the net is not needed when the feed has brought the job", async () => {
  const stage = new Stage(HTTP);
  await stage.live();
  stage.client.run(WHAT);
  await stage.pass(0);
  await stage.say({ t: "reply", ref: "key-1", ok: true, job: job(1) }, delta(11, 11, [job(1)]));
  await stage.pass(5_000);
  assert.deepEqual(stage.world.requests, []);
});

test("without HTTP the net is a resync", async () => {
  const stage = new Stage();
  await stage.live();
  stage.client.run(WHAT);
  await stage.pass(0);
  await stage.say({ t: "reply", ref: "key-1", ok: true, job: job(1) });
  await stage.pass(1_500);
  assert.deepEqual(stage.socket.of("resync"), [{ t: "resync", tenant: TENANT }]);
});

test("refetch reads everything anew and is done when it is there", async () => {
  const stage = new Stage(HTTP);
  await stage.live([job(1)]);
  const done = watch(stage.client.refetch().then(() => "done"));
  await stage.pass(0);
  assert.deepEqual(stage.socket.of("resync"), [{ t: "resync", tenant: TENANT }]);
  assert.equal(done.outcome, undefined);
  await stage.say(snapshot(11, [job(1), job(2)]));
  assert.deepEqual([done.outcome, stage.shown.jobs.length], ["done", 2]);
});

test("refetch of many tenants is one new connection, not a message for each", async () => {
  const tenants = Array.from({ length: 11 }, (_, n) => TENANT.slice(0, -2) + String(n).padStart(2, "0"));
  const stage = new Stage(HTTP);
  await stage.live([], { tenants });
  const before = stage.socket;
  stage.client.refetch();
  await stage.pass(0);
  stage.socket.accept();
  assert.notEqual(stage.socket, before);
  assert.deepEqual([before.of("resync"), stage.socket.of("hello")[0].resume], [[], {}]);
});

test("refetch without a connection tries for one at once, and does not wait for ever", async () => {
  const stage = new Stage(HTTP);
  await stage.pass(0);
  await stage.drop();
  const done = watch(stage.client.refetch().then(() => "done"));
  await stage.pass(0);
  assert.equal(stage.world.sockets.length, 2);
  await stage.pass(10_000);
  assert.equal(done.outcome, "done");
});

test("why asks over HTTP, and throws the problem when there is none", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = () => ({ body: { job_id: "a", code: "no_node", text: { pt: "x", en: "y" }, details: {} } });
  assert.equal((await stage.client.why("a")).code, "no_node");
  stage.world.answer = () => ({ status: 404, body: { status: 404, code: "job_not_found", title: "x" } });
  await assert.rejects(stage.client.why("a"), (error) => error.problem.code === "job_not_found");
});

test("request signs any other call, and says in one way what went wrong", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = ({ query, body }) => ({ body: { query, body } });
  const options = { method: "PATCH", body: { is_enabled: false }, query: { limit: 5, cursor: undefined } };
  assert.deepEqual(await stage.client.request("/v1/x", options), {
    query: { limit: "5" },
    body: { is_enabled: false },
  });
  assert.match(stage.world.requests[0].headers.Authorization, /^Bearer token-/);
  stage.world.answer = () => new TypeError("fetch failed");
  await assert.rejects(stage.client.request("/v1/x", options), (error) => error.problem.kind === "network");
  assert.equal(stage.world.requests.length, 2, "a PATCH without a key is sent once");
});
