// What happened to an RFQ, as lines in order: from its transitions and deliveries (asked for when it is looked at), its
// quotes, and the events heard since. The same fact may come twice, as a transition and as an event, under the same seq.
import { SIDES, grouped, padded, sentence, words } from "./format.js";

const MOVES = {
  CREATE: "Created", PUBLISH: "Published", OPEN_BIDDING: "Bidding opened", CLOSE_BIDDING: "Bidding closed",
  REOPEN: "Reopened", START_EVALUATION: "Evaluation", AWARD: "Awarded", COMPLETE: "Completed", CANCEL: "Cancelled",
  AUTO_CANCEL: "Cancelled by the system", REJECT: "Rejected", EXPIRE: "Expired", REVERT_AWARD: "Award reverted",
  ARCHIVE: "Archived",
};
const STATES = {
  DRAFT: "Created", PUBLISHED: "Published", BIDDING_OPEN: "Bidding opened", BIDDING_CLOSED: "Bidding closed",
  EVALUATION: "Evaluation", AWARDED: "Awarded", COMPLETED: "Completed", CANCELLED: "Cancelled", REJECTED: "Rejected",
  EXPIRED: "Expired", ARCHIVED: "Archived",
};

const because = (reason, text) => {
  const why = [words(reason), text].filter(Boolean).join(": ");
  return why ? ` (${why})` : "";
};

const prices = (q, digits) => [q.bidPrice, q.askPrice].filter(Boolean).map((p) => padded(p, digits)).join(" / ");

function ofTransition(t) {
  const who = t.triggeredBy?.type === "user" && t.triggeredBy.id ? ` by ${t.triggeredBy.id}` : "";
  return { at: t.at, seq: t.seq, kind: "state", text: `${MOVES[t.transition] ?? words(t.transition)}${who}${because(t.reason, t.text)}` };
}

function* ofDelivery(d) {
  const lp = d.lpId ?? "an LP";
  if (d.releasedAt) yield { at: d.releasedAt, kind: "lp", text: `Sent to ${lp}${d.attempts > 1 ? `, attempt ${d.attempts}` : ""}` };
  if (d.answer === "declined" && d.settledAt) yield { at: d.settledAt, kind: "lp", text: `${lp} declined${because(d.reason)}` };
  if (["failed", "rejected"].includes(d.state) && d.settledAt)
    yield { at: d.settledAt, kind: "bad", text: `${lp}: ${words(d.state)}${because(d.reason)}` };
}

function* ofQuote(q, digits) {
  if (q.receivedAt) yield { at: q.receivedAt, kind: "quote", text: `${q.lpName} quoted ${prices(q, digits)}` };
  if (q.endedAt && ["expired", "withdrawn"].includes(q.status))
    yield { at: q.endedAt, kind: "quote", text: `${q.lpName}'s quote ${q.status}${because(q.reason)}` };
}

const LINES = {
  "rfq:created": (d) => ({ kind: "state", text: `${SIDES[d.side]} ${grouped(d.quantity)} ${d.symbol} asked for` }),
  "rfq:status": (d) => d.state && { kind: "state", text: `${STATES[d.state] ?? words(d.state)}${because(d.reason)}` },
  "rfq:cancelled": (d) => ({ kind: "state", text: `Cancelled${because(d.reason, d.text)}` }),
  "rfq:rejected": (d) => ({ kind: "bad", text: `Rejected${because(d.reason, d.text)}` }),
  "rfq:expired": () => ({ kind: "state", text: "Expired" }),
  "rfq:extended": (d) => ({ kind: "state", text: `Extended to ${d.newExpiresAt.slice(11, 19)}${because(d.reason)}` }),
  "rfq:escalated": (d) => ({
    kind: "bad",
    text: `${words(d.state)} for long: ${d.action ? "its time ran out" : `level ${d.level}, ${d.role}`}`,
  }),
  "rfq:awarded": (d, digits) => ({ kind: "deal", text: `${d.lpId} wins: ${d.side} ${grouped(d.quantity)} at ${padded(d.price, digits)}` }),
  "order:status": (d) => ({
    kind: d.inDoubt ? "bad" : "order",
    text: `Order ${words(d.state)}${d.lpId ? ` to ${d.lpId}` : ""}${d.inDoubt ? ", in doubt" : ""}${because(d.reason, d.text)}`,
  }),
  "order:fill": (d, digits) => ({ kind: "deal", text: `${d.lpId} filled ${grouped(d.quantity)} at ${padded(d.price, digits)}` }),
};

/** [{at, kind, text}], the newest first. digits: behind the point of a price. */
export function timeline(rfq, transitions, deliveries, digits = 0) {
  const lines = transitions.map(ofTransition);
  const known = new Set(transitions.map((t) => t.seq));
  for (const e of rfq.log) {
    const line = known.has(e.seq) ? null : LINES[e.event]?.(e.data, digits);
    if (line) lines.push({ at: e.ts, seq: e.seq, ...line });
  }
  for (const d of deliveries) lines.push(...ofDelivery(d));
  for (const q of rfq.quotes.values()) lines.push(...ofQuote(q, digits));
  for (const line of lines) line.text = sentence(line.text);
  return lines.sort((a, b) => b.at.localeCompare(a.at) || (b.seq ?? 0) - (a.seq ?? 0));
}
