// What the page knows of RFQs and quotes: made from lists and snapshots, moved on by events. It shows nothing, asks
// nobody and reads no clock, so that its tests are plain.
//
// An event says what is so from then on, never how much more or less: so events that a list or a snapshot has in it
// already do no harm when they come behind it, in their order.

const ENDED_STATES = new Set(["COMPLETED", "CANCELLED", "REJECTED", "EXPIRED", "ARCHIVED"]);
const DEALING_STATES = new Set(["BIDDING_OPEN", "BIDDING_CLOSED", "EVALUATION"]);
const LOG_MAX = 200; // events kept of one RFQ, for its timeline
const ENDED_MAX = 500; // RFQs that have ended; the oldest are forgotten here, and are still to be had from the server

export const isEnded = (rfq) => ENDED_STATES.has(rfq.state);
/** A quote of it may be accepted. */
export const isDealing = (rfq) => DEALING_STATES.has(rfq.state) && !rfq.cancelPending;
export const mayBeCancelled = (rfq) => !isEnded(rfq) && !rfq.cancelPending;
export const mayBeExtended = (rfq) => rfq.state === "BIDDING_OPEN";
/** Its time runs. */
export const isCounting = (rfq) => isDealing(rfq);
export const isStanding = (quote) => quote.status === "standing";

function blank(id) {
  return {
    id, reference: "", taker: null, symbol: "", side: "buy", quantity: "0", status: "pending", state: "DRAFT",
    expiresAt: null, createdAt: null, endedAt: null, extensions: 0, lpCount: 0, quoteCount: 0, bestBid: null,
    bestAsk: null, award: null, cancelPending: false, reason: null, text: "", quotes: new Map(), hasSnapshot: false,
    log: [],
  };
}

/** The one that was accepted, standing quotes by rank, those not ranked yet, then ended ones, the last to end first. */
export function ladder(rfq) {
  const place = (q) => (q.status === "accepted" ? 0 : isStanding(q) ? (q.ranking ?? 1e6) : 1e7);
  return [...rfq.quotes.values()].sort(
    (a, b) => place(a) - place(b) || (b.endedAt ?? "").localeCompare(a.endedAt ?? "") || (a.id < b.id ? -1 : 1));
}

export class Model {
  rfqs = new Map();
  changed = new Set(); // ids, until somebody has taken them
  missing = new Set(); // ids that events spoke of and that are not known

  clear() {
    for (const id of this.rfqs.keys()) this.changed.add(id);
    this.rfqs.clear();
    this.missing.clear();
  }

  takeChanged() {
    const taken = this.changed;
    this.changed = new Set();
    return taken;
  }

  // Whole things ------------------------------------------------------------------------------------------------------

  /** An RFQ as GET /rfqs and snapshots have it. */
  put(view) {
    const rfq = this.rfqs.get(view.id) ?? blank(view.id);
    for (const name of ["reference", "taker", "symbol", "side", "quantity", "status", "state", "expiresAt", "createdAt",
      "endedAt", "extensions", "lpCount", "quoteCount", "bestBid", "bestAsk", "cancelPending", "reason"])
      if (view[name] !== undefined) rfq[name] = view[name];
    rfq.award = view.award ? { ...rfq.award, ...view.award } : null;
    this.rfqs.set(rfq.id, rfq);
    this.missing.delete(rfq.id);
    this.changed.add(rfq.id);
    return rfq;
  }

  /** {rfq, quotes, composite}. */
  snapshot(state) {
    const rfq = this.put(state.rfq);
    rfq.quotes = new Map(state.quotes.map((q) => [q.id, { ...q }]));
    rfq.hasSnapshot = true;
    this.#composite(rfq, state.composite);
    return rfq;
  }

  /** Forgets the oldest of those that ended. keep: an id that stays. */
  prune(keep) {
    const ended = [...this.rfqs.values()].filter((r) => isEnded(r) && r.id !== keep);
    if (ended.length <= ENDED_MAX) return;
    ended.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const rfq of ended.slice(0, ended.length - ENDED_MAX)) {
      this.rfqs.delete(rfq.id);
      this.changed.add(rfq.id);
    }
  }

  // Events ------------------------------------------------------------------------------------------------------------

  apply(event) {
    const { event: name, data } = event;
    const act = ACTS[name];
    if (!act || !data?.rfqId) return;
    let rfq = this.rfqs.get(data.rfqId);
    if (!rfq && name === "rfq:created") {
      rfq = blank(data.rfqId);
      this.rfqs.set(rfq.id, rfq);
    }
    if (!rfq) {
      this.missing.add(data.rfqId);
      return;
    }
    if (act.call(this, rfq, data, event) === false) return;
    this.changed.add(rfq.id);
    if (event.seq !== undefined) {
      rfq.log.push({ seq: event.seq, ts: event.ts, event: name, data });
      if (rfq.log.length > LOG_MAX) rfq.log.shift();
    }
  }

  #composite(rfq, composite) {
    rfq.bestBid = composite.bestBid;
    rfq.bestAsk = composite.bestAsk;
    rfq.quoteCount = composite.quoteCount;
  }

  ranked(rfq, data) {
    const ranks = new Map(data.rankings.map((r) => [r.quoteId, r]));
    for (const quote of rfq.quotes.values()) {
      const rank = ranks.get(quote.id);
      quote.ranking = rank?.ranking ?? null;
      quote.isBestBid = rank?.isBestBid ?? false;
      quote.isBestAsk = rank?.isBestAsk ?? false;
    }
    this.#composite(rfq, data.composite);
  }
}

function endQuote(quote, status, reason, ts) {
  Object.assign(quote, { status, reason, endedAt: ts, ranking: null, isBestBid: false, isBestAsk: false });
}

/** What still stood goes with its RFQ; no event says so of each. */
function archiveQuotes(rfq, ts) {
  for (const quote of rfq.quotes.values()) if (isStanding(quote)) endQuote(quote, "archived", "rfq_ended", ts);
}

/** A quote that our own controls would not deal on stands again while it is valid; after all else it is spent. */
function reverted(rfq, reason, ts) {
  const quote = rfq.award && rfq.quotes.get(rfq.award.quoteId);
  rfq.award = null;
  if (quote?.status !== "accepted") return;
  if (reason === "refused_by_controls" && (quote.validUntil ?? "") > ts) quote.status = "standing";
  else endQuote(quote, "archived", reason, ts);
}

function moved(rfq, data, event) {
  if (data.status) rfq.status = data.status;
  if (data.state === "EVALUATION" && rfq.state === "AWARDED") reverted(rfq, data.reason, event.ts);
  if (data.state) rfq.state = data.state;
  if (data.expiresAt) rfq.expiresAt = data.expiresAt;
  if (data.reason) rfq.reason = data.reason;
  if (data.text) rfq.text = data.text;
  if (isEnded(rfq)) {
    rfq.endedAt = event.ts;
    rfq.cancelPending = false;
    archiveQuotes(rfq, event.ts);
  }
}

const ended = (state, status) => (rfq, data, event) => moved(rfq, { state, status, ...data }, event);

function quoteEnded(status) {
  return (rfq, data, event) => {
    const quote = rfq.quotes.get(data.quoteId);
    if (quote) endQuote(quote, status, data.reason, event.ts);
  };
}

/** Each is given the RFQ, the event's data and the event; false: nothing changed. */
const ACTS = {
  "rfq:created"(rfq, data, event) {
    Object.assign(rfq, {
      symbol: data.symbol, side: data.side, quantity: data.quantity, status: data.status, expiresAt: data.expiresAt,
      reference: data.clientRef, taker: data.taker ?? rfq.taker, createdAt: event.ts,
    });
  },
  "rfq:status": moved,
  "rfq:distributed"(rfq, data) {
    rfq.status = data.status;
    rfq.lpCount = data.lpCount;
  },
  "rfq:quoted"(rfq, data) {
    rfq.status = data.status;
  },
  "rfq:extended"(rfq, data) {
    if (data.state) return false;   // how long it may stay in that state: its deadline is what it was
    rfq.expiresAt = data.newExpiresAt;
    rfq.extensions = data.number;
  },
  "rfq:countdown"(rfq, data) {
    if (rfq.expiresAt === data.expiresAt) return false;
    rfq.expiresAt = data.expiresAt;
  },
  "rfq:awarded"(rfq, data) {
    rfq.award = {
      quoteId: data.quoteId, lpId: data.lpId, orderId: null, side: data.side, price: data.price,
      quantity: data.quantity, filledQuantity: "0", inDoubt: false,
    };
    const quote = rfq.quotes.get(data.quoteId);
    if (quote) quote.status = "accepted";
  },
  "rfq:filled"() {},
  "rfq:cancelled": ended("CANCELLED", "cancelled"),
  "rfq:rejected": ended("REJECTED", "rejected"),
  "rfq:expired": ended("EXPIRED", "expired"),
  "rfq:escalated"() {},
  "quote:received"(rfq, data, event) {
    // An LP has one that stands. `replaces` may name one that we, reading slowly, were never told of.
    for (const q of rfq.quotes.values())
      if (q.lpId === data.lpId && q.status === "standing" && q.id !== data.quoteId)
        endQuote(q, "replaced", "quote_replaced", event.ts);
    const known = rfq.quotes.get(data.quoteId);
    rfq.quotes.set(data.quoteId, {
      ranking: null, isBestBid: false, isBestAsk: false, receivedAt: event.ts, ...known, id: data.quoteId,
      lpId: data.lpId, lpName: data.lpName, bidPrice: data.bidPrice, askPrice: data.askPrice, quantity: data.quantity,
      validUntil: data.validUntil, status: data.status, reason: null, endedAt: null,
    });
  },
  "quotes:ranked"(rfq, data) {
    this.ranked(rfq, data);
  },
  "quote:expired": quoteEnded("expired"),
  "quote:withdrawn": quoteEnded("withdrawn"),
  "order:status"(rfq, data) {
    if (!rfq.award) return;
    rfq.award.orderId = data.orderId;
    rfq.award.orderState = data.state;
    rfq.award.inDoubt = data.inDoubt ?? rfq.award.inDoubt;
  },
  "order:fill"(rfq, data) {
    if (!rfq.award) return;
    rfq.award.orderId = data.orderId;
    rfq.award.orderState = data.state;
    rfq.award.filledQuantity = data.filledQuantity;
    rfq.award.inDoubt = false;
  },
};
