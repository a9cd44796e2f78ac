import assert from "node:assert/strict";
import { test } from "node:test";

import { ageText, cardText, watchWaiting } from "drena-client";

import { delta, integration, job, Stage } from "./support/stage.js";

const NO_NODE = {
  code: "no_node",
  text: { pt: "Nenhum nó do Drena está ativo.", en: "No node is alive." },
  details: {},
};
const NOW = "2026-03-01T12:00:00Z";
const fresh = (number, more = {}) => job(number, { created_at: NOW, run_at: NOW, ...more });

/** A live client with these jobs, watched for long waits; what was told is in `told`. */
async function watched(jobs, { subscribe = true, ...more } = {}) {
  const stage = new Stage({ httpUrl: "https://drena.test", subscribe });
  stage.world.answer = () => ({ body: NO_NODE });
  if (subscribe) await stage.live(jobs, more);
  const told = [];
  const end = watchWaiting(stage.client, {
    onWaiting: (each, reason, first) => told.push([each.id, reason?.code ?? null, first]),
    onOver: (id) => told.push([id, "over"]),
    world: stage.world.parts,
  });
  return { stage, told, end };
}

/** Time passes on a connection that is alive. */
async function pass(stage, ms) {
  for (let left = ms; left > 0; left -= 10_000) {
    await stage.pass(Math.min(left, 10_000));
    await stage.say({ t: "hb", offsets: {} });
  }
}

test("a job that has been queued for a minute is told, with the reason", async () => {
  const { stage, told } = await watched([fresh(1)]);
  await pass(stage, 59_000);
  assert.deepEqual(told, []);
  await pass(stage, 2_000);
  assert.deepEqual(told, [[job(1).id, "no_node", true]]);
  assert.equal(stage.world.requests[0].path, `/v1/jobs/${job(1).id}/why`);
});

test("one that waits on is asked about again, and is over when it runs", async () => {
  const { stage, told } = await watched([fresh(1)]);
  await pass(stage, 130_000);
  assert.deepEqual(told, [
    [job(1).id, "no_node", true],
    [job(1).id, "no_node", false],
  ]);
  await stage.say(delta(11, 11, [fresh(1, { status: "running", version: 2 })]));
  assert.deepEqual(told.at(-1), [job(1).id, "over"]);
});

test("one that starts while its reason is being asked for is not told", async () => {
  const { stage, told } = await watched([fresh(1)]);
  let answer;
  stage.world.answer = () => new Promise((done) => (answer = done));
  await pass(stage, 61_000);
  await stage.say(delta(11, 11, [fresh(1, { status: "running", version: 2 })]));
  answer({ body: NO_NODE });
  await pass(stage, 100);
  assert.deepEqual(told, []);
});

test("one that runs in time is not told", async () => {
  const { stage, told } = await watched([fresh(1)]);
  await pass(stage, 30_000);
  await stage.say(delta(11, 11, [fresh(1, { status: "running", version: 2 })]));
  await pass(stage, 120_000);
  assert.deepEqual(told, []);
});

test("the wait counts by the server's clock, however wrong the browser's is", async () => {
  const { stage, told } = await watched([fresh(1, { created_at: "2026-03-01T15:00:00Z", run_at: null })], {
    server_time: "2026-03-01T15:00:50Z",
  });
  await pass(stage, 9_000);
  assert.deepEqual(told, []);
  await pass(stage, 2_000);
  assert.equal(told.length, 1);
});

test("a job that failed and waits for its next try counts from when it went back", async () => {
  const { stage, told } = await watched([
    fresh(1, { status: "running", attempts: 1, created_at: "2026-03-01T10:00:00Z" }),
  ]);
  await pass(stage, 100_000);
  await stage.say(
    delta(11, 11, [fresh(1, { status: "pending", attempts: 1, version: 2, created_at: "2026-03-01T10:00:00Z" })]),
  );
  await pass(stage, 50_000);
  assert.deepEqual(told, []);
  await pass(stage, 20_000);
  assert.equal(told.length, 1);
});

test("a job for later is not late before it is due", async () => {
  const { stage, told } = await watched([
    fresh(1, { run_at: "2026-03-01T12:10:00Z" }),
    fresh(2, { run_at: "2027-03-01T12:00:00Z" }),
  ]);
  await pass(stage, 600_000);
  assert.deepEqual(told, []);
  await pass(stage, 70_000);
  assert.deepEqual(told, [[job(1).id, "no_node", true]]);
});

test("a reason that cannot be had is told as none", async () => {
  const { stage, told } = await watched([fresh(1)]);
  stage.world.answer = () => ({ status: 404, body: { status: 404, code: "job_not_found", title: "x" } });
  await pass(stage, 70_000);
  assert.deepEqual(told, [[job(1).id, null, true]]);
});

test("the watch keeps no socket open, and leaves nothing behind", async () => {
  const { stage, told, end } = await watched([], { subscribe: false });
  await stage.pass(60_000);
  assert.deepEqual([stage.world.sockets.length, told], [0, []]);
  end();
  await stage.pass(2_000);
  assert.deepEqual(stage.world.clock.waits, []);
});

test("ages are told in the unit a person would use", () => {
  const now = Date.parse(NOW);
  const ago = (seconds) => ageText(new Date(now - seconds * 1000), "pt", now);
  assert.deepEqual(
    [ago(12), ago(600), ago(7_200)],
    ["Dados de 12 s atrás", "Dados de 10 min atrás", "Dados de 2 h atrás"],
  );
  assert.equal(ageText(new Date(now + 5_000), "en", now), "As of 0 s ago");
});

test("a card says what its job does, else what its integration is", () => {
  const card = (of, more) => cardText(of && job(1, of), integration(1, more), "pt");
  assert.equal(card({ status: "pending" }, { is_enabled: false }), "Na fila…");
  assert.equal(card({ status: "running" }), "Processando…");
  assert.equal(card({ status: "success" }), "Concluído");
  assert.equal(card({ status: "error" }), "Falha");
  assert.equal(card({ status: "error" }, { is_enabled: false }), "Desativado");
  assert.equal(card(null), "Configurado");
});
