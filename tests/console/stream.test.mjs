import assert from "node:assert/strict";
import test from "node:test";
import { Stream } from "../../control/console/stream.js";

/** A server by hand: what the stream sends is read, what it hears is written here. */
class FakeSocket {
  static all = [];
  static get last() {
    return FakeSocket.all.at(-1);
  }

  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    Object.assign(this, { url, protocols });
    FakeSocket.all.push(this);
  }

  open() {
    this.readyState = 1;
    this.onopen();
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  /** Answers what was asked last. */
  async answer(body) {
    this.say({ re: this.sent.at(-1).id, ...body });
    await settled();
  }

  close() {
    this.readyState = 3;
  }

  fail(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
}

const settled = () => new Promise((done) => setImmediate(done));

const taken = () => Promise.resolve(true);

async function connected(t, topics = { tenant: true }, list = taken) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  FakeSocket.all = [];
  const heard = { events: [], states: [], fresh: 0 };
  const stream = new Stream({
    url: "ws://x/rfq", token: "a.b.c", topics: () => topics, WebSocket: FakeSocket, random: () => 1,
    onEvent: (e) => heard.events.push(e), onState: (s) => heard.states.push(s), onFresh: () => {
      heard.fresh++;
      return list();
    },
  });
  stream.start();
  FakeSocket.last.open();
  await FakeSocket.last.answer({ success: true, epoch: 3, seq: 100 });
  t.after(() => stream.stop());
  return { stream, heard };
}

test("the token goes as a subprotocol, and a fresh start asks for a list", async (t) => {
  const { stream, heard } = await connected(t);
  assert.deepEqual(FakeSocket.last.protocols, ["rfqd.v1", "bearer.a.b.c"]);
  assert.equal(FakeSocket.last.sent[0].op, "subscribe:tenant");
  assert.equal(heard.fresh, 1);
  assert.ok(stream.live);
});

test("a lost connection resumes behind the last event, without a new list", async (t) => {
  const { stream, heard } = await connected(t, { traders: ["ann"] });
  FakeSocket.last.say({ prev: 100, event: "rfq:quoted", seq: 105, data: {} });
  FakeSocket.last.fail();
  assert.equal(heard.states.at(-1).state, "waiting");
  t.mock.timers.tick(heard.states.at(-1).retryMs);
  FakeSocket.last.open();
  const { id, ...asked } = FakeSocket.last.sent[0];
  assert.deepEqual(asked, { op: "resume", epoch: 3, since: 105, traders: ["ann"] });
  await FakeSocket.last.answer({ success: true });
  FakeSocket.last.say({ prev: 105, event: "rfq:quoted", seq: 107, data: {} });
  assert.equal(stream.live, false);
  FakeSocket.last.say({ event: "resumed" });
  assert.ok(stream.live);
  assert.deepEqual(heard.events.map((e) => e.seq), [105, 107]);
  assert.equal(heard.fresh, 1);
});

test("where it cannot be resumed it subscribes anew and asks for a list", async (t) => {
  const { stream, heard } = await connected(t);
  FakeSocket.last.fail();
  t.mock.timers.tick(heard.states.at(-1).retryMs);
  FakeSocket.last.open();
  await FakeSocket.last.answer({ success: false, error: "unrecoverable", detail: "the stream began anew" });
  assert.equal(FakeSocket.last.sent[1].op, "subscribe:tenant");
  await FakeSocket.last.answer({ success: true, epoch: 4, seq: 7 });
  assert.equal(heard.fresh, 2);
  FakeSocket.last.say({ prev: 7, event: "rfq:quoted", seq: 9, data: {} });
  assert.ok(stream.live);
});

test("where what was missed turns out to be forgotten it subscribes anew, too", async (t) => {
  const { heard } = await connected(t);
  FakeSocket.last.fail();
  t.mock.timers.tick(heard.states.at(-1).retryMs);
  FakeSocket.last.open();
  await FakeSocket.last.answer({ success: true });
  FakeSocket.last.say({ event: "unrecoverable" });
  FakeSocket.last.fail();
  t.mock.timers.tick(heard.states.at(-1).retryMs);
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.sent[0].op, "subscribe:tenant");
  await FakeSocket.last.answer({ success: true, epoch: 3, seq: 130 });
  assert.equal(heard.fresh, 2);
});

test("what was lost before all was subscribed to is begun anew: no list was taken behind it", async (t) => {
  const { heard } = await connected(t, { traders: ["A", "B"] }); // the first one's answer only
  FakeSocket.last.fail();
  t.mock.timers.tick(250);
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.sent[0].op, "subscribe:trader");
  await FakeSocket.last.answer({ success: true, epoch: 3, seq: 110 });
  assert.equal(heard.fresh, 0);
  await FakeSocket.last.answer({ success: true, epoch: 3, seq: 111 });
  assert.equal(heard.fresh, 1);
});

test("it is live when the list is there, and what is lost before is begun anew", async (t) => {
  let arrive;
  const { stream, heard } = await connected(t, { tenant: true }, () => new Promise((done) => (arrive = done)));
  const late = arrive;
  assert.equal(heard.states.at(-1).state, "resuming");
  FakeSocket.last.fail();
  t.mock.timers.tick(250);
  late(true);
  await settled();
  assert.equal(stream.live, false); // of another connection
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.sent[0].op, "subscribe:tenant");
  await FakeSocket.last.answer({ success: true, epoch: 3, seq: 110 });
  assert.equal(heard.fresh, 2);
  assert.equal(stream.live, false);
  arrive(true);
  await settled();
  assert.ok(stream.live);
});

test("a list that is not the last one asked for makes nothing live", async (t) => {
  const lists = [];
  const { stream } = await connected(t, { tenant: true }, () => new Promise((done) => lists.push(done)));
  stream.refresh();
  lists[0](false);
  await settled();
  assert.equal(stream.live, false);
  lists[1](true);
  await settled();
  assert.ok(stream.live);
});

test("a link of the chain that does not fit is not taken: it resumes from before it", async (t) => {
  const { heard } = await connected(t);
  FakeSocket.last.say({ prev: 103, event: "rfq:quoted", seq: 104, data: {} });
  assert.equal(heard.events.length, 0);
  assert.equal(heard.states.at(-1).state, "waiting");
  t.mock.timers.tick(heard.states.at(-1).retryMs);
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.sent[0].since, 100);
});

test("a heartbeat that is further on than what came is a gap; one that is behind is not", async (t) => {
  const { stream, heard } = await connected(t);
  FakeSocket.last.say({ event: "heartbeat", seq: 90, ts: "x" });
  assert.ok(stream.live);
  FakeSocket.last.say({ event: "heartbeat", seq: 101, ts: "x" });
  assert.equal(heard.states.at(-1).state, "waiting");
});

test("an answer's seq is the next event's predecessor, and a snapshot is taken before that event", async (t) => {
  const { stream, heard } = await connected(t);
  const order = [];
  const asked = stream.request("subscribe:rfq", { rfqId: "R1" }, () => order.push("snapshot", heard.events.length));
  FakeSocket.last.say({ re: FakeSocket.last.sent.at(-1).id, success: true, epoch: 3, seq: 120, rfq: {} });
  FakeSocket.last.say({ prev: 120, event: "rfq:quoted", seq: 121, data: {} });
  await asked;
  assert.deepEqual(order, ["snapshot", 0]);
  assert.equal(heard.events.length, 1);
});

test("silence is a lost connection", async (t) => {
  const { heard } = await connected(t);
  t.mock.timers.tick(13000);
  assert.equal(heard.states.at(-1).state, "waiting");
});

test("attempts are further and further apart, up to a limit", async (t) => {
  const { heard } = await connected(t);
  const waits = [];
  for (let n = 0; n < 9; n++) {
    FakeSocket.last.fail();
    waits.push(heard.states.at(-1).retryMs);
    t.mock.timers.tick(waits.at(-1));
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000]);
});

test("a planned stop says when to come back", async (t) => {
  const { heard } = await connected(t);
  FakeSocket.last.say({ event: "going_away", data: { reconnectAfterMs: 1700 } });
  FakeSocket.last.fail(1001, "going away");
  assert.equal(heard.states.at(-1).retryMs, 1700);
});

test("a token that has expired ends it, and nothing is tried again", async (t) => {
  const { heard } = await connected(t);
  FakeSocket.last.say({ event: "auth:expired" });
  FakeSocket.last.fail(1008, "the token has expired");
  assert.deepEqual(heard.states.at(-1), { state: "refused", detail: "the token has expired" });
  t.mock.timers.tick(60000);
  assert.equal(FakeSocket.all.length, 1);
});
