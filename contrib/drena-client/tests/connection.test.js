import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient } from "drena-client";

import { delta, EPOCH, job, OTHER, snapshot, Stage, TENANT, welcome } from "./support/stage.js";

const tried = (stage) => stage.world.sockets.length;

test("nothing is opened before somebody subscribes", async () => {
  const stage = new Stage({ subscribe: false });
  await stage.pass(60_000);
  assert.equal(tried(stage), 0);
  assert.deepEqual([stage.shown.connection, stage.shown.loading, stage.shown.asOf], ["reconnecting", true, null]);
});

test("the first message is a hello with a token, which is in no URL", async () => {
  const stage = new Stage();
  await stage.pass(0);
  stage.socket.accept();
  assert.equal(stage.socket.url, "wss://drena.test/feed");
  assert.deepEqual(stage.socket.protocols, ["drena.v1"]);
  const [hello] = stage.socket.sent;
  const said = { t: "hello", token: "token-1", tenants: "*", resume: {}, lang: "pt", client: "drena-client" };
  assert.deepEqual({ ...hello, client: hello.client.name }, said);
});

test("it is live once every tenant is in step, not when the socket opens", async () => {
  const stage = new Stage();
  await stage.pass(0);
  stage.socket.accept();
  await stage.say(welcome([TENANT, OTHER]), snapshot(10));
  assert.deepEqual([stage.shown.connection, stage.shown.loading], ["reconnecting", true]);
  await stage.say(snapshot(4, [], { tenant: OTHER }));
  assert.deepEqual([stage.shown.connection, stage.shown.loading, stage.shown.transport], ["live", false, "socket"]);
});

test("a welcome that comes again asks only for what is new", async () => {
  const stage = new Stage();
  await stage.live([job(1)]);
  await stage.say(welcome([TENANT, OTHER]));
  assert.equal(stage.shown.connection, "reconnecting");
  await stage.say(snapshot(4, [], { tenant: OTHER }));
  assert.deepEqual([stage.shown.connection, stage.shown.tenants.length, stage.shown.jobs.length], ["live", 2, 1]);
});

test("a token that sees no tenant is live too, with nothing to show", async () => {
  const stage = new Stage();
  await stage.live([], { tenants: [] });
  assert.deepEqual([stage.shown.connection, stage.shown.loading, stage.shown.jobs], ["live", false, []]);
});

test("every connect fetches a fresh token and says where it wants to go on", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  await stage.say(delta(11, 12, [job(2)]));
  await stage.drop();
  (await stage.next(600)).accept();
  const [hello] = stage.socket.of("hello");
  assert.equal(hello.token, "token-2");
  assert.deepEqual(hello.resume, { [TENANT]: { epoch: EPOCH, offset: 12 } });
});

test("the wait between tries is drawn from 0 to a cap that doubles from half a second to thirty seconds", async () => {
  for (const randomness of [0.01, 0.5, 0.999]) {
    const stage = new Stage();
    stage.world.randomness = randomness;
    await stage.pass(0);
    const waits = [];
    for (let each = 0; each < 9; each += 1) {
      await stage.drop();
      waits.push(stage.world.clock.waits[0]);
      await stage.next(waits.at(-1));
    }
    const caps = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
    assert.deepEqual(
      waits,
      caps.map((cap) => cap * randomness),
    );
  }
});

test("a connection that held ten seconds starts the backoff over, a shorter one does not", async () => {
  const stage = new Stage();
  await stage.pass(0);
  for (let each = 0; each < 4; each += 1) {
    await stage.drop();
    await stage.next(stage.world.clock.waits[0]);
  }
  await stage.live();
  await stage.pass(9_000);
  await stage.drop();
  assert.equal(stage.world.clock.waits[0], 4_000);
  await stage.next(4_000);
  await stage.live();
  await stage.pass(10_000);
  await stage.drop();
  assert.equal(stage.world.clock.waits[0], 250);
});

for (const [code, problem] of [
  [4001, "token_invalid"],
  [4003, "forbidden"],
  [4004, "message_invalid"],
  [4005, "version"],
  [4008, "no_hello"],
  [4042, "feed_refused"],
]) {
  test(`close code ${code} stops for good, and says ${problem}`, async () => {
    const stage = new Stage();
    await stage.live([job(1)]);
    await stage.drop(code);
    await stage.pass(3_600_000);
    assert.equal(tried(stage), 1);
    const { connection, loading, jobs, problem: told } = stage.shown;
    assert.deepEqual(
      [connection, loading, jobs.length, told.code, told.kind],
      ["offline", false, 1, problem, "refused"],
    );
    assert.ok(told.title && told.detail);
  });
}

test("a stop that the server explained says why", async () => {
  const stage = new Stage();
  await stage.pass(0);
  stage.socket.accept();
  await stage.say({ t: "bye", code: 4004, reason: "more than 500 tenants", retry_ms: null });
  await stage.drop(4004);
  assert.match(stage.shown.problem.detail, /: more than 500 tenants$/);
});

test("after a stop, another token is tried when the person comes back, the same one is not", async () => {
  let token = "old";
  const stage = new Stage({ getToken: () => token });
  await stage.live();
  await stage.drop(4001);
  await stage.world.happen("visible");
  assert.equal(tried(stage), 1);
  token = "new";
  await stage.world.happen("visible");
  assert.equal(tried(stage), 2);
  await stage.live();
  assert.deepEqual([stage.shown.connection, stage.shown.problem], ["live", null]);
});

test("reconnect tries at once, after a stop too", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.drop(4001);
  stage.client.reconnect();
  await stage.pass(0);
  assert.equal(tried(stage), 2);
});

for (const code of [4100, 4101, 4102, 4103, 4177]) {
  test(`close code ${code} comes back no sooner than its bye asked for, and never within a second`, async () => {
    const stage = new Stage();
    await stage.live();
    await stage.pass(20_000);
    await stage.say({ t: "bye", code, reason: "", retry_ms: 7_000 });
    await stage.drop(code);
    await stage.pass(6_999);
    assert.equal(tried(stage), 1);
    await stage.next(500);
    await stage.drop(code);
    await stage.pass(999);
    assert.equal(tried(stage), 2);
    await stage.next(1_000);
  });
}

test("a bye whose close was lost on the way still counts", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.say({ t: "bye", code: 4101, reason: "", retry_ms: 5_000 });
  await stage.drop(1006);
  assert.ok(stage.world.clock.waits[0] >= 5_000);
});

test("close code 42xx comes back at once with a fresh token", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.pass(20_000);
  await stage.drop(4200);
  assert.equal(tried(stage), 2);
  stage.socket.accept();
  assert.equal(stage.socket.of("hello")[0].token, "token-2");
});

test("a server that answers 42xx again and again gets a client that backs off", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.drop(4201);
  assert.equal(tried(stage), 2);
  await stage.drop(4201);
  assert.equal(stage.world.clock.waits[0], 500);
  await stage.next(500);
  await stage.drop(4201);
  assert.equal(stage.world.clock.waits[0], 1_000);
});

test("a server that is silent for 2 x hb_ms + 2 s is dead, and looks stale before", async () => {
  const stage = new Stage();
  await stage.live([job(1)]);
  const old = stage.socket;
  await stage.pass(16_900);
  assert.equal(stage.shown.connection, "live");
  await stage.pass(200);
  assert.equal(stage.shown.connection, "stale");
  await stage.pass(14_800);
  assert.equal(old.closedWith, null);
  await stage.pass(200);
  assert.equal(old.closedWith, 1000);
  assert.equal(stage.shown.connection, "reconnecting");
  assert.equal(stage.shown.jobs.length, 1);
});

test("any frame is a sign of life, and the server's hb_ms counts", async () => {
  const stage = new Stage();
  await stage.live([], { hb_ms: 4_000 });
  for (let each = 0; each < 20; each += 1) {
    await stage.pass(5_900);
    await stage.say({ t: "error", code: "nothing" });
  }
  assert.equal(tried(stage), 1);
  assert.equal(stage.shown.connection, "live");
  await stage.pass(10_100);
  assert.equal(stage.shown.connection, "reconnecting");
});

test("a frame that comes after stale makes it live again", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.pass(18_000);
  assert.equal(stage.shown.connection, "stale");
  await stage.say({ t: "hb", offsets: {} });
  assert.equal(stage.shown.connection, "live");
});

test("a machine that slept finds its socket dead by the clock, not by counting ticks", async () => {
  const stage = new Stage();
  await stage.live();
  const old = stage.socket;
  await stage.world.clock.sleep(8 * 3_600_000);
  assert.equal(old.closedWith, 1000);
  await stage.next(600);
});

test("timers that a hidden tab holds back for minutes kill no socket that has been heard", async () => {
  const stage = new Stage();
  await stage.live();
  for (let minute = 0; minute < 10; minute += 1) {
    for (let beat = 0; beat < 4; beat += 1) {
      stage.world.clock.now += 15_000; // time passes, and no timer fires
      stage.socket.say({ t: "hb", offsets: {} });
    }
    await stage.pass(0);
  }
  assert.equal(tried(stage), 1);
  assert.equal(stage.socket.closedWith, null);
});

test("a clock that is set back does not keep a dead socket alive for ever", async () => {
  const stage = new Stage();
  await stage.live();
  stage.world.clock.skew = -3_600_000;
  await stage.pass(60_000);
  assert.ok(tried(stage) > 1);
});

test("a handshake that hangs is given up after ten seconds", async () => {
  const stage = new Stage();
  await stage.pass(0);
  const old = stage.socket;
  await stage.pass(9_999);
  assert.equal(old.closedWith, null);
  await stage.next(300);
  assert.equal(old.closedWith, 1000);
});

test("whatever a dead socket still says is not heard", async () => {
  const stage = new Stage();
  await stage.live([job(1)]);
  const old = stage.socket;
  await stage.pass(32_100);
  await stage.next(600);
  old.say(delta(11, 11, [job(2)]));
  old.onclose({ code: 4001 });
  await stage.live([job(1)]);
  assert.equal(stage.shown.jobs.length, 1);
  assert.equal(stage.shown.connection, "live");
  assert.equal(tried(stage), 2);
});

test("online reconnects at once, with the backoff started over", async () => {
  const stage = new Stage();
  await stage.pass(0);
  for (let each = 0; each < 7; each += 1) {
    await stage.drop();
    await stage.next(stage.world.clock.waits[0]);
  }
  await stage.drop();
  const before = tried(stage);
  await stage.world.happen("offline");
  assert.equal(stage.shown.connection, "offline");
  await stage.world.happen("online");
  assert.equal(tried(stage), before + 1);
  await stage.drop();
  assert.equal(stage.world.clock.waits[0], 250);
});

test("online on a socket that has been heard asks it for a sign of life, and replaces it when none comes", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.world.happen("online");
  assert.equal(stage.socket.of("ping").length, 1);
  await stage.say({ t: "pong", id: 1 });
  await stage.pass(6_000);
  assert.equal(tried(stage), 1);
  await stage.world.happen("online");
  const old = stage.socket;
  await stage.pass(5_000);
  assert.equal(old.closedWith, 1000);
  await stage.next(600);
});

test("offline is said at once, and taken back by a frame that comes all the same", async () => {
  const stage = new Stage();
  await stage.live([job(1)]);
  await stage.pass(1_000);
  await stage.world.happen("offline");
  assert.equal(stage.shown.connection, "offline");
  await stage.pass(1);
  await stage.say({ t: "pong", id: 1 });
  assert.equal(stage.shown.connection, "live");
});

test("a tab that becomes visible replaces a socket not heard for a heartbeat, and leaves another alone", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.pass(14_000);
  await stage.world.happen("visible");
  assert.equal(tried(stage), 1);
  await stage.pass(1_000);
  const old = stage.socket;
  await stage.world.happen("visible");
  assert.equal(old.closedWith, 1000);
  assert.equal(tried(stage), 2);
});

test("a tab that becomes visible does not wait for the backoff", async () => {
  const stage = new Stage();
  await stage.pass(0);
  for (let each = 0; each < 5; each += 1) {
    await stage.drop();
    await stage.next(stage.world.clock.waits[0]);
  }
  await stage.drop();
  await stage.next(0).catch(() => {});
  const before = tried(stage);
  await stage.world.happen("visible");
  assert.equal(tried(stage), before + 1);
});

test("a token about to expire is renewed on the same socket", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.say({ t: "auth_expiring", in_s: 60 });
  assert.deepEqual(stage.socket.of("auth"), [{ t: "auth", token: "token-2" }]);
  assert.deepEqual(stage.tokens, [{ renew: false }, { renew: true }]);
  assert.equal(tried(stage), 1);
});

test("an application that still gives the old token is asked again until it expires", async () => {
  let token = "old";
  const stage = new Stage({ getToken: () => token });
  await stage.live();
  await stage.say({ t: "auth_expiring", in_s: 60 });
  await stage.pass(12_000);
  assert.deepEqual(stage.socket.of("auth"), []);
  token = "new";
  await stage.pass(5_000);
  assert.deepEqual(stage.socket.of("auth"), [{ t: "auth", token: "new" }]);
});

test("a renewal that comes after its socket ended is sent nowhere", async () => {
  let give;
  const stage = new Stage({ getToken: ({ renew }) => (renew ? new Promise((done) => (give = done)) : "first") });
  await stage.live();
  await stage.say({ t: "auth_expiring", in_s: 60 });
  await stage.drop();
  await stage.next(600);
  give("late");
  await stage.live();
  assert.deepEqual(stage.socket.of("auth"), []);
  await stage.drop(4001);
  const before = tried(stage);
  await stage.world.happen("visible");
  assert.equal(tried(stage), before, "the token that was refused is still the first one");
});

test("a token that cannot be had is asked for again with backoff, and the reason is told", async () => {
  let broken = true;
  const stage = new Stage({ getToken: async () => (broken ? Promise.reject(new Error("signed out")) : "good") });
  await stage.pass(700);
  assert.equal(tried(stage), 0);
  assert.equal(stage.shown.problem.code, "token_unavailable");
  assert.equal(stage.shown.connection, "reconnecting");
  broken = false;
  await stage.pass(4_000);
  await stage.live();
  assert.deepEqual([stage.shown.connection, stage.shown.problem], ["live", null]);
});

test("an application that never answers for its token does not hold the client for ever", async () => {
  let turn = 0;
  const stage = new Stage({ getToken: () => ((turn += 1) === 1 ? new Promise(() => {}) : "good") });
  await stage.pass(15_600);
  assert.equal(tried(stage), 1);
});

test("asOf is the last moment at which all was right, and stays there while it is not", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.pass(15_000);
  await stage.say({ t: "hb", offsets: {} });
  const heard = stage.world.clock.now;
  assert.equal(stage.shown.asOf.getTime(), heard);
  await stage.pass(5_000);
  await stage.drop();
  await stage.pass(60_000);
  assert.equal(stage.shown.asOf.getTime(), heard);
  assert.equal(stage.shown.connection, "reconnecting");
});

test("the states of a day: each is told as it comes, and no other", async () => {
  const stage = new Stage();
  await stage.live();
  await stage.pass(17_000);
  await stage.say({ t: "hb", offsets: {} });
  await stage.drop();
  await stage.pass(300);
  await stage.live();
  await stage.world.happen("offline");
  await stage.drop();
  await stage.world.happen("online");
  await stage.live();
  const day = ["live", "stale", "live", "reconnecting", "live", "offline", "reconnecting", "live"];
  assert.deepEqual(stage.states, day);
});

test("the socket is shared, outlives the last unsubscribe by a second, and is closed then", async () => {
  const stage = new Stage();
  const second = stage.subscribe();
  const third = stage.subscribe([TENANT]);
  await stage.live();
  stage.unsubscribe();
  stage.unsubscribe();
  second();
  third();
  await stage.pass(999);
  assert.equal(stage.socket.closedWith, null);
  await stage.pass(1);
  assert.equal(stage.socket.closedWith, 1000);
  await stage.pass(3_600_000);
  assert.equal(tried(stage), 1);
  assert.deepEqual([stage.world.listeners, stage.world.clock.waits], [0, []]);
});

test("other tenants wanted while the socket opens go into its hello, and no other socket is opened", async () => {
  const stage = new Stage({ tenants: [TENANT] });
  await stage.pass(0);
  const before = stage.unsubscribe;
  stage.subscribe([OTHER]);
  before();
  await stage.pass(0);
  assert.equal(stage.world.sockets.length, 1);
  stage.socket.accept();
  assert.deepEqual(stage.socket.of("hello")[0].tenants, [OTHER]);
});

test("unsubscribe and subscribe again, as StrictMode does, keep the one socket", async () => {
  const stage = new Stage();
  stage.unsubscribe();
  stage.unsubscribe = stage.subscribe();
  await stage.live();
  stage.unsubscribe();
  stage.subscribe();
  await stage.pass(5_000);
  assert.equal(tried(stage), 1);
  assert.equal(stage.socket.closedWith, null);
});

test("a subscription after the socket was closed resumes where it stood", async () => {
  const stage = new Stage();
  await stage.live([job(1)], { offset: 10 });
  stage.unsubscribe();
  await stage.pass(2_000);
  stage.subscribe();
  (await stage.next(0)).accept();
  assert.deepEqual(stage.socket.of("hello")[0].resume, { [TENANT]: { epoch: EPOCH, offset: 10 } });
  assert.equal(stage.shown.jobs.length, 1);
});

test("a subscription that ends while the token is being fetched leaves nothing behind", async () => {
  let give;
  const stage = new Stage({ getToken: () => new Promise((done) => (give = done)) });
  await stage.pass(0);
  stage.unsubscribe();
  await stage.pass(1_000);
  give("late");
  await stage.pass(60_000);
  assert.equal(tried(stage), 0);
});

test("one socket serves the tenants of all subscriptions, and is opened again when they become more", async () => {
  const stage = new Stage({ tenants: [TENANT] });
  stage.subscribe([TENANT]);
  await stage.live();
  assert.deepEqual(stage.socket.of("hello")[0].tenants, [TENANT]);
  const end = stage.subscribe([OTHER]);
  await stage.next(0);
  await stage.live([], { tenants: [TENANT, OTHER] });
  assert.deepEqual(stage.socket.of("hello")[0].tenants, [TENANT, OTHER]);
  end();
  stage.subscribe([OTHER]);
  await stage.pass(5_000);
  assert.equal(tried(stage), 2);
});

test("a subscription to no tenant opens nothing", async () => {
  const stage = new Stage({ tenants: [] });
  await stage.pass(60_000);
  assert.equal(tried(stage), 0);
});

test("listeners are told once for many frames, and a listener that is gone is not told", async () => {
  const stage = new Stage({ subscribe: false });
  let told = 0;
  const end = stage.client.subscribe(() => (told += 1));
  await stage.live();
  told = 0;
  for (let n = 11; n < 111; n += 1) stage.socket.say(delta(n, n, [job(n)]));
  await stage.pass(0);
  assert.equal(told, 1);
  assert.equal(stage.shown.jobs.length, 100);
  end();
  await stage.say(delta(111, 111, [job(111)]));
  assert.equal(told, 1);
});

test("a browser that forbids the socket is met with backoff, not with an error", async () => {
  const stage = new Stage({ subscribe: false });
  const forbidden = function () {
    throw new DOMException("", "SecurityError");
  };
  const client = createClient({
    feedUrl: "ws://drena.test/feed",
    world: { ...stage.world.parts, WebSocket: forbidden },
  });
  client.subscribe(() => {});
  await stage.pass(10_000);
  assert.equal(client.getSnapshot().connection, "reconnecting");
});
