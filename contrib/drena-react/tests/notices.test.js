import assert from "node:assert/strict";
import { test } from "node:test";

import { longWaits, restraint } from "../src/long-waits.js";
import { noticeOfProblem, noticeOfWaiting, reasonText } from "../src/notices.js";

const job = { id: "j", status: "pending" };
const problem = (more) => ({
  kind: "refused",
  code: "x",
  status: 422,
  title: "T",
  detail: "D",
  extensions: {},
  ...more,
});

test("a second click is told as Execução em andamento, with the job that is in the way, and is no error", () => {
  const told = noticeOfProblem(problem({ code: "job_active", status: 409, activeJob: job }), "pt");
  assert.deepEqual([told.level, told.kind, told.title, told.job], ["info", "job_active", "Execução em andamento", job]);
  assert.equal(noticeOfProblem(problem({ code: "job_active" }), "en").title, "Already running");
});

test("a refusal is told in the server's words, and apart from a network that failed", () => {
  const refused = noticeOfProblem(problem({ code: "integration_disabled" }), "pt");
  const lost = noticeOfProblem(problem({ kind: "network", code: "unreachable", title: "Sem conexão" }), "pt");
  assert.deepEqual([refused.kind, refused.title, refused.detail], ["refused", "T", "D"]);
  assert.deepEqual([lost.kind, lost.level, lost.title], ["network", "error", "Sem conexão"]);
});

test("a long wait is told as Fila aguardando reprocessamento, with the reason in the person's language", () => {
  const reason = { code: "no_node", text: { pt: "Nenhum nó está ativo.", en: "No node is alive." } };
  const told = noticeOfWaiting(job, reason, "pt");
  assert.deepEqual([told.title, told.detail], ["Fila aguardando reprocessamento", "Nenhum nó está ativo."]);
  assert.equal(noticeOfWaiting(job, reason, "en").detail, "No node is alive.");
  assert.equal(noticeOfWaiting(job, null, "pt").detail, "");
});

test("a reason may come in one language", () => {
  assert.equal(reasonText({ code: "x", text: "Pausado" }, "en"), "Pausado");
});

test("thirty integrations that wait are not told thirty times", () => {
  let now = 0;
  const mayTell = restraint(() => now);
  assert.deepEqual([1, 2, 3, 4, 5].map(mayTell), [true, true, true, false, false]);
  now += 10_000;
  assert.equal(mayTell(), true);
});

test("the long waits tell their readers of every change, and of no other", () => {
  const waits = longWaits();
  let told = 0;
  const end = waits.subscribe(() => (told += 1));
  waits.delete("j");
  waits.set("j", null);
  assert.deepEqual([waits.get("j"), waits.get("k"), told], [null, undefined, 1]);
  waits.delete("j");
  end();
  waits.set("k", null);
  assert.equal(told, 2);
});
