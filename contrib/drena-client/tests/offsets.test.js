import assert from "node:assert/strict";
import { test } from "node:test";

import { delta, EPOCH, integration, job, OTHER, snapshot, Stage, TENANT, welcome } from "./support/stage.js";

const ids = (stage) => stage.shown.jobs.map((each) => each.id);

test("a snapshot shows its jobs, newest first, and its integrations", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.say(snapshot(10, [job(1), job(3), job(2)], { integrations: [integration(1)] }));
  assert.deepEqual(ids(stage), [job(3).id, job(2).id, job(1).id]);
  assert.deepEqual(stage.shown.integrations, [integration(1)]);
});

test("a delta that begins at the next offset is applied", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say(delta(11, 13, [job(1, { status: "running", version: 4 }), job(2)]));
  assert.deepEqual(
    stage.shown.jobs.map((each) => each.status),
    ["pending", "running"],
  );
});

test("a delta that ends at or before the last offset is dropped", async () => {
  const stage = new Stage();
  await stage.live([job(1, { version: 5 })], { offset: 10 });
  await stage.say(delta(8, 10, [job(1, { status: "error", version: 9 })]));
  assert.equal(stage.shown.jobs[0].status, "pending");
  assert.deepEqual(stage.socket.of("resync"), []);
});

test("a delta that overlaps what is known is applied, and its older rows are not", async () => {
  const stage = new Stage();
  await stage.live([job(1, { version: 5 }), job(2, { version: 5 })], { offset: 10 });
  const rows = [job(1, { status: "error", version: 4 }), job(2, { status: "success", version: 6 })];
  await stage.say(delta(9, 12, rows));
  assert.deepEqual(
    stage.shown.jobs.map((each) => each.status),
    ["success", "pending"],
  );
  await stage.say(delta(13, 13, [job(3)]));
  assert.equal(stage.shown.jobs.length, 3);
});

test("a row of the same version is taken from the feed, and not from an answer", async () => {
  const stage = new Stage();
  await stage.live([], { offset: 10 });
  const row = (each) => ({ k: `integration:${each.id}`, v: each.version, d: each });
  const changed = integration(1, { paused: true });
  await stage.say({ ...delta(11, 11), rows: [row(integration(1))] }, { ...delta(12, 12), rows: [row(changed)] });
  assert.deepEqual(stage.shown.integrations, [changed]);
  stage.client.run({ tenantId: TENANT, providerSlug: "acessorias" });
  await stage.say(delta(13, 13, [job(1, { status: "running", version: 2 })]));
  await stage.say({ t: "reply", ref: "key-1", ok: true, job: job(1, { version: 2 }) });
  assert.equal(stage.shown.jobs[0].status, "running");
});

test("an empty delta proves that nothing was missed", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.drop();
  await (await stage.next(600)).accept();
  await stage.say(welcome());
  assert.equal(stage.shown.connection, "reconnecting");
  await stage.say({ t: "delta", tenant: TENANT, from: 11, to: 10, rows: [] });
  assert.equal(stage.shown.connection, "live");
  assert.deepEqual(ids(stage), [job(1).id]);
});

test("a gap is told as stale, asked for once, and closed by the snapshot", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say(delta(12, 12, [job(2)]), delta(13, 13, [job(3)]));
  assert.deepEqual(stage.socket.of("resync"), [{ t: "resync", tenant: TENANT }]);
  assert.deepEqual(ids(stage), [job(1).id]);
  assert.equal(stage.shown.connection, "stale");
  await stage.say(snapshot(13, [job(1), job(2), job(3)]), delta(14, 14, [job(4)]));
  assert.equal(stage.shown.jobs.length, 4);
  assert.equal(stage.shown.connection, "live");
});

test("a gap in many tenants at once is one new connection, not a message for each", async () => {
  const tenants = Array.from({ length: 12 }, (_, n) => TENANT.slice(0, -2) + String(n).padStart(2, "0"));
  const stage = new Stage();
  await stage.live([], { tenants });
  const old = stage.socket;
  for (const tenant of tenants) old.say(delta(12, 12, [], { tenant }));
  (await stage.next(600)).accept();
  assert.equal(old.of("resync").length, 10);
  assert.deepEqual(Object.keys(stage.socket.of("hello")[0].resume), tenants.slice(11));
});

test("a snapshot that never comes ends the connection, and the next one asks for everything", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say(delta(12, 12, [job(2)]));
  const old = stage.socket;
  await stage.next(10_600);
  assert.equal(old.closedWith, 1000);
  stage.socket.accept();
  assert.deepEqual(stage.socket.of("hello")[0].resume, {});
});

test("a heartbeat that is ahead for more than two seconds means that something was lost", async () => {
  const stage = new Stage();
  await stage.live([], { offset: 10 });
  await stage.say({ t: "hb", offsets: { [TENANT]: 11 } });
  await stage.pass(1_900);
  assert.deepEqual(stage.socket.of("resync"), []);
  await stage.pass(200);
  assert.deepEqual(stage.socket.of("resync"), [{ t: "resync", tenant: TENANT }]);
});

test("a heartbeat that the deltas catch up with means nothing", async () => {
  const stage = new Stage();
  await stage.live([], { offset: 10 });
  await stage.say({ t: "hb", offsets: { [TENANT]: 12 } });
  await stage.pass(1_000);
  await stage.say(delta(11, 12, [job(1)]));
  await stage.pass(3_000);
  assert.deepEqual(stage.socket.of("resync"), []);
  assert.equal(stage.shown.connection, "live");
});

test("a heartbeat at the known offset brings a tenant into step that had no frame of its own", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.drop();
  (await stage.next(600)).accept();
  await stage.say(welcome(), { t: "hb", offsets: { [TENANT]: 10 } });
  assert.equal(stage.shown.connection, "live");
});

test("a new epoch replaces everything, higher versions too", async () => {
  const stage = new Stage();
  await stage.live([job(1, { version: 90 }), job(2)], { offset: 900 });
  await stage.say(snapshot(3, [job(1, { version: 2, status: "success" })], { epoch: "bbbb" }));
  assert.deepEqual(
    stage.shown.jobs.map((each) => [each.id, each.status]),
    [[job(1).id, "success"]],
  );
  await stage.say(delta(4, 4, [job(5)]));
  assert.equal(stage.shown.jobs.length, 2);
});

test("a delta of another epoch is never applied", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say(delta(11, 11, [job(2)], { epoch: "bbbb" }));
  assert.deepEqual(ids(stage), [job(1).id]);
  assert.equal(stage.socket.of("resync").length, 1);
});

test("a delta that leads from this epoch into another is followed, and what comes after it", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say(delta(11, 10, [], { epoch: "bbbb", was: EPOCH }), delta(11, 11, [job(2)], { epoch: "bbbb" }));
  assert.deepEqual(ids(stage).sort(), [job(1).id, job(2).id]);
  assert.equal(stage.socket.of("resync").length, 0);
  await stage.drop();
  (await stage.next(600)).accept();
  assert.deepEqual(stage.socket.of("hello")[0].resume, { [TENANT]: { epoch: "bbbb", offset: 11 } });
});

test("a snapshot of the same epoch keeps a row that is known in a newer version", async () => {
  const stage = new Stage();
  await stage.live([job(1, { version: 7, status: "running" })], { offset: 10 });
  await stage.say(snapshot(11, [job(1, { version: 6 })]));
  assert.equal(stage.shown.jobs[0].status, "running");
});

test("a snapshot in parts is shown once its last part is in, and the deltas between are applied after it", async () => {
  const stage = new Stage();
  await stage.live([job(9)], { offset: 10 });
  await stage.say(snapshot(20, [job(1)], { part: 1, parts: 3 }), snapshot(20, [job(2)], { part: 2, parts: 3 }));
  await stage.say(delta(21, 21, [job(2, { version: 2, status: "running" })]));
  assert.deepEqual(ids(stage), [job(9).id]);
  await stage.say(snapshot(20, [job(3)], { part: 3, parts: 3 }));
  assert.deepEqual(ids(stage), [job(3).id, job(2).id, job(1).id]);
  assert.equal(stage.shown.jobs[1].status, "running");
  assert.deepEqual(stage.socket.of("resync"), []);
});

test("a row that is gone is gone", async () => {
  const stage = new Stage();
  await stage.live([job(1), job(2)], { offset: 10 });
  await stage.say({ t: "delta", tenant: TENANT, from: 11, to: 11, rows: [{ k: `job:${job(1).id}`, v: 2, del: true }] });
  assert.deepEqual(ids(stage), [job(2).id]);
});

test("progress moves the bar of a running job, outside the offsets", async () => {
  const stage = new Stage();
  await stage.live([job(1, { status: "running", version: 3 })], { offset: 10 });
  const detail = { done: 40, total: 100, unit: "empresas" };
  await stage.say({
    t: "progress",
    tenant: TENANT,
    job_id: job(1).id,
    version: 3,
    progress: 40,
    progress_detail: detail,
  });
  assert.deepEqual([stage.shown.jobs[0].progress, stage.shown.jobs[0].progress_detail], [40, detail]);
  await stage.say(delta(11, 11, [job(1, { status: "success", progress: 100, version: 4 })]));
  assert.equal(stage.shown.jobs[0].progress, 100);
  await stage.say({ t: "progress", tenant: TENANT, job_id: job(1).id, version: 3, progress: 60 });
  assert.deepEqual([stage.shown.jobs[0].status, stage.shown.jobs[0].progress], ["success", 100]);
});

test("a row that is older than the progress shown does not set the bar back", async () => {
  const stage = new Stage();
  await stage.live([job(1, { status: "running", version: 3 })], { offset: 10 });
  await stage.say({ t: "progress", tenant: TENANT, job_id: job(1).id, version: 8, progress: 80 });
  await stage.say(delta(11, 11, [job(1, { status: "running", version: 5, progress: 20, attempts: 2 })]));
  assert.deepEqual([stage.shown.jobs[0].progress, stage.shown.jobs[0].attempts], [80, 2]);
});

test("progress of a job that is not known, or does not run, changes nothing", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  const before = stage.shown.jobs;
  await stage.say({ t: "progress", tenant: TENANT, job_id: job(1).id, version: 9, progress: 40 });
  await stage.say({ t: "progress", tenant: TENANT, job_id: job(2).id, version: 9, progress: 40 });
  assert.deepEqual(stage.shown.jobs, before);
});

test("a tenant that was taken away is forgotten", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { tenants: [TENANT, OTHER] });
  await stage.drop(4200);
  await stage.pass(0);
  stage.socket.accept();
  await stage.say(welcome([OTHER]), { t: "delta", tenant: OTHER, from: 11, to: 10, rows: [] });
  assert.deepEqual(stage.shown.jobs, []);
  assert.deepEqual(
    stage.shown.tenants.map((each) => each.id),
    [OTHER],
  );
});

test("a page left open for a week keeps the newest ended jobs of an integration, and every active one", async () => {
  const stage = new Stage();
  await stage.live([job(0, { status: "running" })], { offset: 0 });
  for (let n = 1; n <= 120; n += 1) stage.socket.say(delta(n, n, [job(n, { status: "success" })]));
  await stage.pass(0);
  assert.equal(stage.shown.jobs.length, 51);
  assert.equal(stage.shown.jobs.at(-1).status, "running");
  assert.equal(stage.shown.jobs[0].id, job(120).id);
});

test("rows that did not change stay the same objects, and a snapshot is new only when something changed", async () => {
  const stage = new Stage();
  await stage.live([job(1), job(2)], { offset: 10 });
  const before = stage.shown;
  await stage.say(delta(10, 10, [job(1)]));
  assert.equal(stage.shown, before);
  await stage.say(delta(11, 11, [job(2, { version: 2, status: "running" })]));
  assert.notEqual(stage.shown, before);
  assert.equal(stage.shown.jobs[1], before.jobs[1]);
  assert.equal(stage.shown.integrations, before.integrations);
});

test("a frame that is not JSON ends the socket, and the next one resumes", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say("{");
  (await stage.next(600)).accept();
  assert.deepEqual(stage.socket.of("hello")[0].resume, { [TENANT]: { epoch: EPOCH, offset: 10 } });
});
