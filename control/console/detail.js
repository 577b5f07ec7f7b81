// One RFQ: its time, its quotes as a ladder with the choice in it, cancel and extend, and what happened so far.
//
// A choice is made by two strokes of the same key or button within ARMED_MS: the first one shows what would be dealt, at
// which price, with whom; and a quote that changes meanwhile is not chosen any more. A key that is held is one stroke.
import { byId, el, keyed, setClass, setText } from "./dom.js";
import { SIDES, clockTimeFine, difference, duration, grouped, milliseconds, padded, priceParts, words } from "./format.js";
import { isCounting, isDealing, isEnded, isStanding, ladder, mayBeCancelled, mayBeExtended } from "./model.js";
import { statusOf } from "./blotter.js";
import { timeline } from "./timeline.js";
import { refused, toast } from "./toast.js";

const ARMED_MS = 3000;
const HISTORY_AFTER_MS = 150; // several events at once lead to one look at the history

export const CANCEL_REASONS = ["taker_request", "requirements_changed", "schedule_changed", "budget_withdrawn", "duplicate_rfq", "lp_issue"];

/** A browser clicks again and again while Enter is held on a button: that is one stroke, and arms only. */
const holdOnce = (event) => event.repeat && event.key === "Enter" && event.preventDefault();

export class Detail {
  #model;
  #api;
  #digitsOf;
  #trades;
  #id = null;
  #now = 0;
  #armed = null; // {quoteId, side, price, timer}
  #sending = false;
  #live = false; // prices that may be old are not dealt on
  #history = { transitions: [], deliveries: [] };
  #historyTimer = null;

  constructor({ model, api, digitsOf, trades }) {
    this.#model = model;
    this.#api = api;
    this.#digitsOf = digitsOf;
    this.#trades = trades;
    byId("cancel-reason").replaceChildren(...CANCEL_REASONS.map((r) => el("option", { value: r }, words(r))));
    byId("cancel-open").onclick = () => this.openCancel();
    byId("extend-open").onclick = () => this.openExtend();
    for (const button of document.querySelectorAll("[data-close]")) button.onclick = () => this.closeForms();
    byId("cancel-form").onsubmit = (event) => this.#submit(event, () => this.#cancel());
    byId("extend-form").onsubmit = (event) => this.#submit(event, () => this.#extend());
  }

  set live(live) {
    this.#live = live;
    this.update();
  }

  get #rfq() {
    return this.#model.rfqs.get(this.#id);
  }

  show(id) {
    this.#disarm();
    this.closeForms();
    this.#id = id;
    this.#history = { transitions: [], deliveries: [] };
    this.update();
    this.#lookBack();
  }

  /** The RFQ changed. */
  changed() {
    this.update();
    clearTimeout(this.#historyTimer);
    this.#historyTimer = setTimeout(() => this.#lookBack(), HISTORY_AFTER_MS);
  }

  async #lookBack() {
    const id = this.#id;
    if (!id) return;
    try {
      const [transitions, deliveries] = await Promise.all([this.#api.transitions(id), this.#api.deliveries(id)]);
      if (id !== this.#id) return;
      this.#history = { transitions, deliveries };
      this.update();
    } catch {
      // The timeline goes on with the events that are heard; the stream's state tells of the connection.
    }
  }

  // Shown -------------------------------------------------------------------------------------------------------------

  update() {
    const rfq = this.#rfq;
    byId("detail").hidden = !rfq;
    byId("detail-none").hidden = Boolean(rfq);
    if (!rfq) return;
    this.#checkArmed(rfq);
    byId("detail").dataset.side = rfq.side;
    setText(byId("d-side"), SIDES[rfq.side]);
    setText(byId("d-quantity"), grouped(rfq.quantity));
    setText(byId("d-symbol"), rfq.symbol);
    setText(byId("d-id"), [rfq.id, rfq.taker, rfq.reference].filter(Boolean).join(" · "));
    setText(byId("d-status"), statusOf(rfq));
    byId("d-status").dataset.status = statusOf(rfq);
    setText(byId("d-why"), isEnded(rfq) && rfq.status !== "filled" ? [words(rfq.reason), rfq.text].filter(Boolean).join(": ") : "");
    byId("d-actions").hidden = !this.#trades || isEnded(rfq);
    byId("cancel-open").disabled = !mayBeCancelled(rfq);
    byId("extend-open").disabled = !mayBeExtended(rfq);
    this.#showAward(rfq);
    this.#showLadder(rfq);
    this.#showTimeline(rfq);
    this.#countdown(rfq);
  }

  #showAward(rfq) {
    const { award } = rfq;
    byId("d-award").hidden = !award;
    if (!award) return;
    const side = award.side ?? rfq.side;
    setText(byId("d-deal"), `${side === "sell" ? "Sold to" : "Bought from"} ${award.lpId} at ${padded(award.price, this.#digitsOf(rfq.symbol))}`);
    setText(byId("d-filled"), `${grouped(award.filledQuantity)} of ${grouped(award.quantity)} filled${award.inDoubt ? ", in doubt" : ""}`);
    const share = Number(award.filledQuantity) / Number(award.quantity); // of a bar's width, nothing that is dealt on
    byId("d-filled-bar").style.setProperty("transform", `scaleX(${Math.min(1, share).toFixed(3)})`);
  }

  tick(now) {
    this.#now = now;
    const rfq = this.#rfq;
    if (!rfq) return;
    this.#countdown(rfq);
    for (const row of byId("ladder").children) {
      const quote = rfq.quotes.get(row.dataset.quote);
      if (quote) this.#validity(row, quote);
    }
  }

  #countdown(rfq) {
    const counts = isCounting(rfq) && rfq.expiresAt !== null;
    byId("d-time").hidden = !counts;
    if (!counts) return;
    const end = milliseconds(rfq.expiresAt), left = Math.max(0, end - this.#now);
    const whole = Math.max(1, end - milliseconds(rfq.createdAt ?? rfq.expiresAt));
    byId("d-bar").style.setProperty("transform", `scaleX(${Math.min(1, left / whole).toFixed(3)})`);
    byId("d-time").classList.toggle("short", left < 5000);
    setText(byId("d-left"), duration(left));
  }

  // The ladder --------------------------------------------------------------------------------------------------------

  #showLadder(rfq) {
    const sides = { buy: ["ask"], sell: ["bid"] }[rfq.side] ?? ["bid", "ask"];
    byId("ladder-table").dataset.sides = sides.join(" ");
    const quoting = new Set([...rfq.quotes.values()].map((q) => q.lpId));
    const waiting = this.#history.deliveries.filter((d) => !quoting.has(d.lpId));
    const rows = [
      ...ladder(rfq).map((quote) => ({ key: quote.id, quote })),
      ...waiting.map((delivery) => ({ key: delivery.id, delivery })),
    ];
    keyed(byId("ladder"), rows, (r) => r.key, (r) => this.#makeRow(r), (node, r) =>
      r.quote ? this.#fillQuote(node, rfq, r.quote) : this.#fillWaiting(node, rfq, r.delivery));
    const digits = this.#digitsOf(rfq.symbol);
    const best = (name, text) => (sides.includes(name) ? `${name} ${text ? padded(text, digits) : "–"}` : null);
    const spread = rfq.bestBid && rfq.bestAsk && sides.length > 1 ? `spread ${difference(rfq.bestAsk, rfq.bestBid)}` : null;
    setText(byId("d-composite"), [best("bid", rfq.bestBid), best("ask", rfq.bestAsk), spread].filter(Boolean).join("  "));
    setText(byId("d-quotes"), rfq.lpCount && !isEnded(rfq) ? `${rfq.quoteCount} of ${rfq.lpCount} LPs` : "");
  }

  #makeRow(r) {
    const cell = (name) => el("td", { class: `q-${name}` });
    const node = el("tr", { "data-quote": r.key }, cell("rank"), cell("lp"), cell("bid"), cell("ask"), cell("behind"), cell("quantity"), cell("valid"));
    if (!r.quote) return node;
    node.parts = {};
    for (const [name, side, verb] of [["bid", "sell", "Sell"], ["ask", "buy", "Buy"]]) {
      const parts = { verb: el("span", { class: "verb" }, verb), figure: el("span", { class: "figure" }), pips: el("b"), fraction: el("span", { class: "fraction" }) };
      parts.button = el("button", { type: "button", class: `take ${side}`, onclick: () => this.accept(r.key, side), onkeydown: holdOnce },
        parts.verb, el("span", { class: "price" }, parts.figure, parts.pips, parts.fraction));
      parts.said = verb;
      node.parts[name] = parts;
      node.querySelector(`.q-${name}`).append(parts.button);
    }
    return node;
  }

  #fillQuote(node, rfq, quote) {
    const digits = this.#digitsOf(rfq.symbol);
    const stands = isStanding(quote);
    const best = { bid: quote.isBestBid, ask: quote.isBestAsk };
    const isArmed = this.#armed?.quoteId === quote.id;
    setClass(node, [stands ? "stands" : quote.status === "accepted" ? "accepted" : "gone", isArmed ? "armed" : ""].join(" ").trim());
    setText(node.querySelector(".q-rank"), stands ? String(quote.ranking ?? "") : quote.status === "accepted" ? "✓" : "");
    setText(node.querySelector(".q-lp"), quote.lpName);
    setText(node.querySelector(".q-quantity"), grouped(quote.quantity));
    for (const name of ["bid", "ask"]) this.#fillPrice(node.parts[name], name, rfq, quote, { digits, best: best[name] });
    const name = rfq.side === "sell" ? "bid" : "ask";
    const top = name === "bid" ? rfq.bestBid : rfq.bestAsk, own = quote[`${name}Price`];
    const behind = stands && top && own && rfq.side !== "twoWay" ? difference(own, top) : "0";
    setText(node.querySelector(".q-behind"), behind === "0" ? "" : `${behind.startsWith("-") ? "−" : "+"}${padded(behind.replace("-", ""), digits)}`);
    this.#validity(node, quote);
  }

  #fillPrice(parts, name, rfq, quote, { digits, best }) {
    const price = quote[`${name}Price`];
    const side = name === "ask" ? "buy" : "sell";
    const shown = price !== null && (rfq.side === side || rfq.side === "twoWay");
    parts.button.hidden = !shown;
    if (!shown) return;
    const { figure, pips, fraction } = priceParts(price, digits);
    const isArmed = this.#armed?.quoteId === quote.id && this.#armed.side === side;
    const may = this.#trades && isStanding(quote) && isDealing(rfq) && this.#live && !this.#sending;
    setText(parts.figure, figure);
    setText(parts.pips, pips);
    setText(parts.fraction, fraction);
    setText(parts.verb, isArmed ? "Confirm" : parts.said);
    setClass(parts.button, `take ${side}${best ? " best" : ""}${isArmed ? " armed" : ""}`);
    parts.button.disabled = !may;
    parts.button.setAttribute("aria-label", `${isArmed ? "Confirm: " : ""}${parts.said} ${grouped(rfq.quantity)} ${rfq.symbol} at ${price} with ${quote.lpName}`);
  }

  #fillWaiting(node, rfq, delivery) {
    const said = { declined: "declined", no_response: "no response" }[delivery.answer];
    const failed = ["failed", "rejected"].includes(delivery.state) ? delivery.state : null;
    setClass(node, "waiting");
    setText(node.querySelector(".q-lp"), delivery.lpName ?? "–");
    setText(node.querySelector(".q-valid"), failed ?? said ?? (isDealing(rfq) ? "waiting" : "no quote"));
  }

  #validity(node, quote) {
    const cell = node.querySelector(".q-valid");
    if (!isStanding(quote)) {
      setText(cell, quote.status === "accepted" ? "accepted" : words(quote.status));
      return;
    }
    const left = quote.validUntil ? milliseconds(quote.validUntil) - this.#now : null;
    setText(cell, left === null ? "" : duration(left));
  }

  #showTimeline(rfq) {
    const lines = timeline(rfq, this.#history.transitions, this.#history.deliveries, this.#digitsOf(rfq.symbol));
    const key = (line) => `${line.at} ${line.text}`;
    keyed(byId("timeline"), lines, key, (line) =>
      el("li", { class: line.kind }, el("time", { datetime: line.at, title: line.at }, clockTimeFine(line.at)), el("span", {}, line.text)), () => {});
  }

  // Choice ------------------------------------------------------------------------------------------------------------

  /** By key: the quote of this rank. */
  acceptRank(rank, side) {
    const rfq = this.#rfq;
    const quote = rfq && [...rfq.quotes.values()].find((q) => isStanding(q) && q.ranking === rank);
    if (quote) this.accept(quote.id, rfq.side === "twoWay" ? side : rfq.side);
  }

  accept(quoteId, side) {
    const rfq = this.#rfq;
    const quote = rfq?.quotes.get(quoteId);
    if (!this.#trades || !this.#live || this.#sending || !quote || !isStanding(quote) || !isDealing(rfq)) return;
    const price = side === "sell" ? quote.bidPrice : quote.askPrice;
    if (!price) return;
    if (this.#armed?.quoteId === quoteId && this.#armed.side === side) {
      this.#disarm();
      this.#send(rfq, quote, side, price);
      return;
    }
    this.#disarm();
    const timer = setTimeout(() => {
      this.#disarm();
      this.update();
    }, ARMED_MS);
    this.#armed = { quoteId, side, price, timer };
    this.update();
  }

  #disarm() {
    clearTimeout(this.#armed?.timer);
    this.#armed = null;
  }

  #checkArmed(rfq) {
    if (!this.#armed) return;
    const quote = rfq.quotes.get(this.#armed.quoteId);
    const price = this.#armed.side === "sell" ? quote?.bidPrice : quote?.askPrice;
    if (!quote || !isStanding(quote) || !isDealing(rfq) || price !== this.#armed.price) this.#disarm();
  }

  async #send(rfq, quote, side, price) {
    this.#sending = true;
    this.update();
    try {
      await this.#api.accept(rfq.id, rfq.side === "twoWay" ? { quoteId: quote.id, side } : { quoteId: quote.id });
      toast("good", "Accepted", `${SIDES[side]} ${grouped(rfq.quantity)} ${rfq.symbol} at ${price} with ${quote.lpName}`);
    } catch (error) {
      refused("Not accepted", error);
    } finally {
      this.#sending = false;
      this.update();
    }
  }

  // Cancel and extend -------------------------------------------------------------------------------------------------

  openCancel() {
    if (!this.#trades || !this.#rfq || !mayBeCancelled(this.#rfq)) return;
    this.closeForms();
    byId("cancel-form").hidden = false;
    byId("cancel-send").focus();
  }

  openExtend() {
    if (!this.#trades || !this.#rfq || !mayBeExtended(this.#rfq)) return;
    this.closeForms();
    byId("extend-form").hidden = false;
    byId("extend-reason").focus();
    byId("extend-reason").select();
  }

  /** True: something was open, or armed. */
  closeForms() {
    const forms = [byId("cancel-form"), byId("extend-form")];
    const wasOpen = forms.some((form) => !form.hidden) || this.#armed !== null;
    for (const form of forms) form.hidden = true;
    this.#disarm();
    return wasOpen;
  }

  async #submit(event, act) {
    event.preventDefault();
    const button = event.submitter ?? event.target.querySelector("[type=submit]");
    button.disabled = true;
    try {
      await act();
      this.closeForms();
    } finally {
      button.disabled = false;
    }
  }

  async #cancel() {
    try {
      await this.#api.cancel(this.#id, byId("cancel-reason").value);
    } catch (error) {
      refused("Not cancelled", error);
    }
  }

  async #extend() {
    const rfq = this.#rfq;
    const seconds = byId("extend-by").value;
    const expiresAt = seconds ? new Date(milliseconds(rfq.expiresAt) + Number(seconds) * 1000).toISOString() : null;
    try {
      await this.#api.extend(rfq.id, byId("extend-reason").value, expiresAt);
      toast("good", "Extended", rfq.id);
    } catch (error) {
      refused("Not extended", error);
    }
  }
}
