import assert from "node:assert/strict";
import { test } from "node:test";

import { delta, EPOCH, job, OTHER, snapshot, Stage, TENANT, welcome } from "./support/stage.js";

const HTTP = { httpUrl: "https://drena.test" };
const named = (ids) => ids.map((id) => ({ id, slug: id.slice(0, 4), name: id, role: "staff" }));
const never = () => new Promise(() => {});

/** A server that answers each long poll with the next of these frames, and when there is none after its wait. */
function polls(stage, frames, tenants = [TENANT]) {
  return ({ path, query }) => {
    if (path === "/v1/tenants") return { body: { items: named(tenants), next_cursor: null } };
    const frame = frames.shift();
    if (frame !== undefined) return typeof frame === "function" ? frame() : { body: frame };
    const nothing = delta(Number(query.offset) + 1, Number(query.offset), [], {
      tenant: query.tenant_id,
      epoch: EPOCH,
    });
    return new Promise((done) => stage.world.clock.setTimeout(() => done({ body: nothing }), query.wait_s * 1000));
  };
}

/** A network in which no websocket comes through: each one is dropped as soon as it is opened. */
async function blocked(stage, ms) {
  const end = stage.world.clock.now + ms;
  while (stage.world.clock.now < end) {
    if (stage.socket?.readyState === 0) stage.socket.drop(1006);
    await stage.pass(100);
  }
}

test("where websockets are blocked, the same frames come by long poll", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, [snapshot(10, [job(1)]), delta(11, 12, [job(2)], { epoch: EPOCH })]);
  await blocked(stage, 3_000);
  const feed = stage.world.requests.filter((request) => request.path === "/v1/feed");
  assert.deepEqual(
    feed.map(({ query }) => [query.tenant_id, query.epoch, query.offset]),
    [
      [TENANT, undefined, undefined],
      [TENANT, EPOCH, "10"],
      [TENANT, EPOCH, "12"],
    ],
  );
  assert.deepEqual(
    feed.map(({ query }) => query.wait_s),
    ["0", "25", "25"],
    "the first answer says where it stands, the others wait for news",
  );
  assert.equal(feed[0].headers.Authorization.slice(0, 13), "Bearer token-");
  const { connection, transport, jobs, tenants } = stage.shown;
  assert.deepEqual([connection, transport, jobs.length, tenants[0].id], ["live", "poll", 2, TENANT]);
});

test("the progress of what runs comes with each answer, and its mark goes with the next question", async () => {
  const stage = new Stage(HTTP);
  const running = job(1, { status: "running", version: 3 });
  const told = (progress, version) => [{ t: "progress", tenant: TENANT, job_id: running.id, version, progress }];
  const empty = delta(11, 10, [], { epoch: EPOCH });
  stage.world.answer = polls(stage, [
    { ...snapshot(10, [running]), progress: told(20, 4), progress_mark: "aa" },
    { ...empty, progress: told(55, 5), progress_mark: "bb" },
    { ...empty, progress: told(50, 4), progress_mark: "cc" },
  ]);
  await blocked(stage, 3_000);
  const marks = stage.world.requests.filter(({ path }) => path === "/v1/feed").map(({ query }) => query.progress_mark);
  assert.deepEqual(marks, [undefined, "aa", "bb", "cc"]);
  assert.deepEqual(
    [stage.shown.transport, stage.shown.jobs[0].progress],
    ["poll", 55],
    "an older value changes nothing",
  );
});

test("one failed socket is no reason to poll", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, []);
  await stage.pass(0);
  await stage.drop();
  await stage.pass(300);
  stage.socket.accept();
  await stage.say(welcome(), snapshot(10));
  assert.deepEqual(stage.world.requests, []);
});

test("while the long poll works a socket is tried once a minute, and takes over where the poll stood", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, [snapshot(10, [job(1)])]);
  await blocked(stage, 3_000);
  const before = stage.world.sockets.length;
  await blocked(stage, 180_000);
  assert.ok(stage.world.sockets.length - before >= 2);
  assert.ok(stage.world.sockets.length - before <= 4);
  while (stage.socket.readyState !== 0) await stage.pass(1_000);
  stage.socket.accept();
  assert.deepEqual(stage.socket.of("hello")[0].resume, { [TENANT]: { epoch: EPOCH, offset: 10 } });
  await stage.say(welcome(), delta(11, 11, [job(2)]));
  assert.deepEqual([stage.shown.connection, stage.shown.transport, stage.shown.jobs.length], ["live", "socket", 2]);
  const asked = stage.world.requests.length;
  await stage.pass(10_000);
  assert.equal(stage.world.requests.length, asked);
});

test("where a socket has come through before, it is tried as after any loss", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, [snapshot(10)]);
  await stage.live();
  await stage.drop();
  await blocked(stage, 5_000);
  assert.equal(stage.shown.transport, "poll");
  const before = stage.world.sockets.length;
  await blocked(stage, 31_000);
  assert.ok(stage.world.sockets.length > before);
});

test("the first answer of the long poll is a sign that the server is back: a socket is tried at once", async () => {
  const stage = new Stage(HTTP);
  await stage.live([job(1)]);
  await stage.drop();
  await blocked(stage, 120_000);
  assert.equal(stage.shown.connection, "reconnecting");
  while (stage.world.clock.waits.at(-1) < 5_000) await blocked(stage, 1_000);
  stage.world.answer = polls(stage, [delta(11, 10, [], { epoch: EPOCH })]);
  while (stage.shown.connection !== "live") await stage.pass(100);
  assert.equal(stage.socket.readyState, 0);
  stage.socket.accept();
  await stage.say(welcome(), delta(11, 11, [job(2)]));
  assert.deepEqual([stage.shown.transport, stage.shown.jobs.length], ["socket", 2]);
});

test("coming back to the tab tries the way back at once", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, [snapshot(10)]);
  await blocked(stage, 3_000);
  const before = stage.world.sockets.length;
  await stage.world.happen("visible");
  assert.equal(stage.world.sockets.length, before + 1);
});

test("a gap in the long poll asks for a snapshot", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, [
    snapshot(10),
    delta(12, 12, [job(2)], { epoch: EPOCH }),
    snapshot(12, [job(1), job(2)]),
  ]);
  await blocked(stage, 3_000);
  const feed = stage.world.requests.filter((request) => request.path === "/v1/feed");
  assert.equal(feed[2].query.offset, undefined);
  assert.deepEqual([stage.shown.jobs.length, stage.shown.connection], [2, "live"]);
});

test("a long poll that nobody answers is a lost connection, and comes back by itself", async () => {
  const stage = new Stage(HTTP);
  let broken = false;
  const script = polls(stage, [snapshot(10, [job(1)]), () => new TypeError("fetch failed")]);
  stage.world.answer = (request) => (broken ? new TypeError("fetch failed") : script(request));
  await blocked(stage, 1_500);
  broken = true;
  await blocked(stage, 60_000);
  assert.equal(stage.shown.connection, "reconnecting");
  broken = false;
  stage.world.answer = polls(stage, [delta(11, 11, [job(2)], { epoch: EPOCH })]);
  await blocked(stage, 31_000);
  assert.deepEqual([stage.shown.connection, stage.shown.jobs.length], ["live", 2]);
});

test("many tenants, of whichever page, take turns, three requests at a time", async () => {
  const tenants = Array.from({ length: 9 }, (_, n) => TENANT.replace(/.$/, String(n)));
  const stage = new Stage(HTTP);
  let open = 0;
  let most = 0;
  stage.world.answer = async (request) => {
    if (request.path === "/v1/tenants") {
      const half = request.query.cursor === "c" ? tenants.slice(5) : tenants.slice(0, 5);
      return { body: { items: named(half), next_cursor: request.query.cursor === "c" ? null : "c" } };
    }
    most = Math.max(most, (open += 1));
    await new Promise((done) => stage.world.clock.setTimeout(done, request.query.offset === undefined ? 10 : 2_000));
    open -= 1;
    const { tenant_id: tenant, offset } = request.query;
    return { body: offset === undefined ? snapshot(10, [], { tenant }) : delta(11, 10, [], { tenant, epoch: EPOCH }) };
  };
  await blocked(stage, 20_000);
  assert.equal(most, 3);
  assert.equal(stage.shown.connection, "live");
  const asked = new Set(stage.world.requests.map(({ query }) => query.tenant_id));
  for (const tenant of tenants) assert.ok(asked.has(tenant));
  assert.equal(stage.world.requests.at(-1).query.wait_s, "2");
});

test("a refusal by HTTP stops, as the socket's would", async () => {
  const stage = new Stage(HTTP);
  const body = {
    type: "/problems/token_invalid",
    title: "Sessão inválida",
    status: 401,
    detail: "x",
    code: "token_invalid",
  };
  stage.world.answer = () => ({ status: 401, body });
  await blocked(stage, 3_000);
  assert.deepEqual(
    [stage.shown.connection, stage.shown.problem.code, stage.shown.loading],
    ["offline", "token_invalid", false],
  );
  const asked = stage.world.requests.length;
  await blocked(stage, 60_000);
  assert.equal(stage.world.requests.length, asked);
});

test("an expired token and too many requests are no refusals: both pass", async () => {
  const stage = new Stage(HTTP);
  const refuse = (status, code, more) => () => ({ status, body: { status, code, title: code, ...more } });
  const frames = [
    refuse(401, "token_expired"),
    refuse(429, "rate_limited", { retry_after_s: 4 }),
    snapshot(10, [job(1)]),
  ];
  stage.world.answer = polls(stage, frames);
  await blocked(stage, 3_000);
  assert.equal(stage.shown.connection, "reconnecting");
  await blocked(stage, 4_000);
  assert.equal(stage.shown.connection, "live");
});

test("without a feedUrl everything comes by long poll", async () => {
  const stage = new Stage({ ...HTTP, feedUrl: undefined, tenants: [TENANT, OTHER] });
  stage.world.answer = ({ query }) =>
    query.offset ? never() : { body: snapshot(10, [], { tenant: query.tenant_id }) };
  await stage.pass(100);
  assert.deepEqual([stage.shown.connection, stage.shown.transport, stage.world.sockets.length], ["live", "poll", 0]);
});

test("the last unsubscribe ends the long poll too", async () => {
  const stage = new Stage(HTTP);
  stage.world.answer = polls(stage, [snapshot(10)]);
  await blocked(stage, 3_000);
  assert.equal(stage.world.waiting, 1);
  stage.unsubscribe();
  await stage.pass(1_000);
  assert.equal(stage.world.waiting, 0);
  const asked = stage.world.requests.length;
  await stage.pass(600_000);
  assert.equal(stage.world.requests.length, asked);
});
