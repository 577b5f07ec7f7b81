import assert from "node:assert/strict";
import test from "node:test";
import { Model, isDealing, isEnded, ladder } from "../../control/console/model.js";
import { timeline } from "../../control/console/timeline.js";

let seq = 0;
const at = () => `2026-01-02T03:04:05.${String(seq).padStart(9, "0")}Z`;
const event = (name, data) => ({ event: name, seq: ++seq, ts: at(), data: { rfqId: "R1", ...data } });
const again = (e) => ({ ...e, seq: ++seq, ts: at() }); // in the order in which it is applied
const created = (data = {}) => event("rfq:created", {
  symbol: "EURUSD", side: "buy", quantity: "1000000", status: "pending", expiresAt: "2026-01-02T03:04:35.000000000Z",
  clientRef: "mine", taker: "DESK", ...data });
const quoted = (id, lp, ask, more = {}) => event("quote:received", {
  quoteId: id, lpId: lp, lpName: lp, bidPrice: null, askPrice: ask, quantity: "1000000", validUntil: null, status: "standing", ...more });
const ranked = (...ids) => event("quotes:ranked", {
  rankings: ids.map((quoteId, i) => ({ quoteId, lpId: "?", ranking: i + 1, isBestBid: false, isBestAsk: i === 0 })),
  composite: { bestBid: null, bestAsk: "1.1", spread: null, quoteCount: ids.length } });

function opened(...events) {
  const model = new Model();
  for (const e of [created(), event("rfq:status", { state: "PUBLISHED", status: "validated" }),
    event("rfq:status", { state: "BIDDING_OPEN" }), ...events]) model.apply(again(e));
  return { model, rfq: model.rfqs.get("R1") };
}

test("an RFQ is made by its first event", () => {
  const { rfq } = opened();
  assert.deepEqual([rfq.symbol, rfq.side, rfq.quantity, rfq.taker, rfq.reference, rfq.status, rfq.state],
    ["EURUSD", "buy", "1000000", "DESK", "mine", "validated", "BIDDING_OPEN"]);
  assert.ok(isDealing(rfq) && !isEnded(rfq));
});

test("events of an RFQ that is not known name it as missing, and change nothing", () => {
  const model = new Model();
  model.apply(event("rfq:quoted", { status: "quoted" }));
  assert.deepEqual([...model.missing], ["R1"]);
  assert.equal(model.rfqs.size, 0);
});

test("the ladder goes by rank, and what was replaced or withdrawn is behind it", () => {
  const { rfq } = opened(quoted("Q1", "A", "1.10002"), quoted("Q2", "B", "1.10001"), ranked("Q2", "Q1"),
    quoted("Q3", "A", "1.1", { replaces: "Q1" }), ranked("Q3", "Q2"));
  assert.deepEqual(ladder(rfq).map((q) => [q.id, q.ranking, q.status]),
    [["Q3", 1, "standing"], ["Q2", 2, "standing"], ["Q1", null, "replaced"]]);
  assert.equal(rfq.quotes.get("Q3").isBestAsk, true);
  assert.equal(rfq.quotes.get("Q2").isBestAsk, false);
});

test("a quote ends the one of its LP before it, also where those between were left out for a slow reader", () => {
  const { rfq } = opened(quoted("Q1", "A", "1.10002"), quoted("Q2", "B", "1.10001"), ranked("Q2", "Q1"),
    quoted("Q9", "A", "1.1", { replaces: "Q8" }), ranked("Q9", "Q2"));
  assert.deepEqual(ladder(rfq).map((q) => [q.id, q.status]), [["Q9", "standing"], ["Q2", "standing"], ["Q1", "replaced"]]);
});

test("a withdrawn quote has no rank and says why", () => {
  const { rfq } = opened(quoted("Q1", "A", "1.1"), ranked("Q1"), event("quote:withdrawn", { quoteId: "Q1", lpId: "A", reason: "quote_withdrawn" }), ranked());
  assert.deepEqual([rfq.quotes.get("Q1").status, rfq.quotes.get("Q1").reason, rfq.quotes.get("Q1").ranking, rfq.quoteCount],
    ["withdrawn", "quote_withdrawn", null, 0]);
});

test("from award to fill", () => {
  const { model, rfq } = opened(quoted("Q1", "A", "1.1"), quoted("Q2", "B", "1.2"), ranked("Q1", "Q2"),
    event("rfq:status", { state: "BIDDING_CLOSED" }), event("rfq:status", { state: "EVALUATION" }),
    event("rfq:status", { state: "AWARDED", status: "awarded" }),
    event("rfq:awarded", { quoteId: "Q1", lpId: "A", side: "buy", quantity: "1000000", price: "1.1" }));
  assert.equal(rfq.quotes.get("Q1").status, "accepted");
  assert.ok(!isDealing(rfq));
  model.apply(event("order:fill", { orderId: "O1", lpId: "A", price: "1.1", quantity: "400000", filledQuantity: "400000", state: "partly_filled" }));
  assert.equal(rfq.award.filledQuantity, "400000");
  model.apply(event("order:fill", { orderId: "O1", lpId: "A", price: "1.1", quantity: "600000", filledQuantity: "1000000", state: "filled" }));
  model.apply(event("rfq:status", { state: "COMPLETED", status: "filled" }));
  assert.ok(isEnded(rfq));
  assert.deepEqual([rfq.status, rfq.award.filledQuantity, rfq.quotes.get("Q1").status, rfq.quotes.get("Q2").status],
    ["filled", "1000000", "accepted", "archived"]);
});

test("an award that is reverted leaves nothing of it, and quotes may be chosen again", () => {
  const { rfq } = opened(quoted("Q1", "A", "1.1"), event("rfq:status", { state: "AWARDED", status: "awarded" }),
    event("rfq:awarded", { quoteId: "Q1", lpId: "A", side: "buy", quantity: "1000000", price: "1.1" }),
    event("rfq:status", { state: "EVALUATION", reason: "lp_default", expiresAt: "2026-01-02T03:04:55.000000000Z" }));
  assert.equal(rfq.award, null);
  assert.equal(rfq.expiresAt, "2026-01-02T03:04:55.000000000Z");
  assert.ok(isDealing(rfq));
  assert.deepEqual([rfq.quotes.get("Q1").status, rfq.quotes.get("Q1").reason], ["archived", "lp_default"]);
});

test("a quote that our own controls would not deal on stands again, as long as it is valid", () => {
  const revert = (validUntil) => opened(quoted("Q1", "A", "1.1", { validUntil }), event("rfq:status", { state: "AWARDED", status: "awarded" }),
    event("rfq:awarded", { quoteId: "Q1", lpId: "A", side: "buy", quantity: "1000000", price: "1.1" }),
    event("rfq:status", { state: "EVALUATION", reason: "refused_by_controls" })).rfq.quotes.get("Q1").status;
  assert.equal(revert("2026-01-02T03:04:35.000000000Z"), "standing");
  assert.equal(revert("2026-01-02T03:04:04.000000000Z"), "archived");
});

test("an end without an award archives the quotes, and keeps its reason", () => {
  const { rfq } = opened(quoted("Q1", "A", "1.1"), ranked("Q1"), event("rfq:cancelled", { symbol: "EURUSD", reason: "taker_request" }));
  assert.deepEqual([rfq.state, rfq.status, rfq.reason, rfq.quotes.get("Q1").status], ["CANCELLED", "cancelled", "taker_request", "archived"]);
});

test("events that a list has in it already, coming behind it in order, end in the same state", () => {
  const events = [created(), event("rfq:status", { state: "BIDDING_OPEN", status: "validated" }), quoted("Q1", "A", "1.1"), ranked("Q1"),
    event("rfq:quoted", { status: "quoted" }), event("rfq:extended", { newExpiresAt: "2026-01-02T03:05:35.000000000Z", number: 1, reason: "x" }),
    event("rfq:expired", { symbol: "EURUSD", reason: "deadline", status: "expired" })];
  const once = new Model();
  events.forEach((e) => once.apply(e));
  const twice = new Model();
  twice.put({ id: "R1", symbol: "EURUSD", side: "buy", quantity: "1000000", status: "expired", state: "EXPIRED", taker: "DESK",
    reference: "mine", expiresAt: "2026-01-02T03:05:35.000000000Z", extensions: 1, lpCount: 0, quoteCount: 1, bestBid: null, bestAsk: "1.1",
    award: null, reason: "deadline", createdAt: events[0].ts, endedAt: events.at(-1).ts });
  events.forEach((e) => twice.apply(e));
  assert.deepEqual(twice.rfqs.get("R1"), once.rfqs.get("R1"));
});

test("a snapshot takes the place of all that was known of the quotes", () => {
  const { model, rfq } = opened(quoted("Q1", "A", "1.1"));
  model.snapshot({ rfq: { id: "R1", status: "quoted", state: "BIDDING_OPEN", award: null },
    quotes: [{ id: "Q9", lpId: "B", lpName: "B", askPrice: "1.2", bidPrice: null, ranking: 1, status: "standing" }],
    composite: { bestBid: null, bestAsk: "1.2", spread: null, quoteCount: 1 } });
  assert.deepEqual([...rfq.quotes.keys()], ["Q9"]);
  assert.equal(rfq.bestAsk, "1.2");
  assert.equal(rfq.symbol, "EURUSD"); // what a view does not name stays
});

test("only what changed is named, and a countdown that tells nothing new changes nothing", () => {
  const { model, rfq } = opened();
  assert.deepEqual([...model.takeChanged()], ["R1"]);
  model.apply({ event: "rfq:countdown", ts: at(), data: { rfqId: "R1", timeRemaining: 9, expiresAt: rfq.expiresAt } });
  assert.equal(model.takeChanged().size, 0);
});

test("of those that ended the oldest are forgotten, never a live or the chosen one", () => {
  const model = new Model();
  const view = (n, state) => model.put({ id: `R${String(n).padStart(5, "0")}`, state, status: "x", award: null });
  for (let n = 0; n < 1200; n++) view(n, n % 2 ? "EXPIRED" : "BIDDING_OPEN");
  model.prune("R00001");
  const left = [...model.rfqs.values()];
  assert.equal(left.filter((r) => !isEnded(r)).length, 600);
  assert.equal(left.filter(isEnded).length, 501);
  assert.ok(model.rfqs.has("R00001") && !model.rfqs.has("R00003") && model.rfqs.has("R01199"));
});

test("the timeline has each fact once, the newest first", () => {
  const { rfq } = opened(quoted("Q1", "A", "1.1"));
  const heard = rfq.log.find((e) => e.data.state === "BIDDING_OPEN");
  const lines = timeline(rfq, [{ seq: heard.seq, at: heard.ts, transition: "OPEN_BIDDING", triggeredBy: { type: "system", id: null }, reason: null, text: "" }],
    [{ id: "D1", lpId: "A", state: "delivered", answer: "quoted", attempts: 1, releasedAt: heard.ts, settledAt: null }], 5);
  assert.deepEqual(lines.map((l) => l.text),
    ["A quoted 1.10000", "Bidding opened", "Sent to A", "Published", "Buy 1,000,000 EURUSD asked for"]);
});
