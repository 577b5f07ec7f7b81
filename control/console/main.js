// The page put together: who is there, the stream into the model, the model into what is shown, and the keys.
import { Api, Problem } from "./api.js";
import { Blotter } from "./blotter.js";
import { Clock } from "./clock.js";
import { Detail } from "./detail.js";
import { byId, setText } from "./dom.js";
import { fractionDigits, milliseconds } from "./format.js";
import { Model, isEnded } from "./model.js";
import { dropToken, keepToken, readToken, takeToken } from "./session.js";
import { Stream } from "./stream.js";
import { Ticket } from "./ticket.js";
import { toast } from "./toast.js";

const TICK_MS = 200;
const AGAIN_MS = 2000;
const PAGES_MAX = 10; // of RFQs, at the start
const LIST_AGAIN_MS = 500; // where the list did not come; twice that the next time, and so on
const LIST_AGAIN_MS_MAX = 8000;
const UNANSWERED = new Set(["disconnected", "timeout"]); // a request over the stream
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const STREAM_WORDS = {
  connecting: "Connecting", resuming: "Catching up", live: "Live", waiting: "Reconnecting", refused: "Signed out",
};

class Desk {
  #who;
  #api;
  #stream;
  #model = new Model();
  #clock = new Clock();
  #blotter;
  #detail;
  #ticket;
  #digits = new Map();
  #traders;
  #waiting = null; // events that came while the list was on its way
  #onRefused;
  #frame = 0;
  #timer;
  #over = new AbortController(); // takes back every listener

  constructor(token, onRefused) {
    this.#who = readToken(token);
    this.#onRefused = onRefused;
    this.#api = new Api(token);
    this.#traders = new Set([this.#who.name]);
    const digitsOf = (symbol) => this.#digits.get(symbol) ?? 0;
    this.#blotter = new Blotter({ model: this.#model, digitsOf, onSelect: (id) => this.#select(id), signal: this.#over.signal });
    this.#detail = new Detail({ model: this.#model, api: this.#api, digitsOf, trades: this.#who.trades });
    this.#ticket = new Ticket({ api: this.#api, onCreated: (id) => this.#blotter.select(id) });
    this.#stream = new Stream({
      url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/rfq`,
      token,
      topics: () => (this.#who.seesAll ? { tenant: true } : { traders: [...this.#traders] }),
      onFresh: () => this.#fresh(),
      onEvent: (event) => this.#heard(event),
      onState: (state) => this.#streamIs(state),
    });
    document.body.dataset.wide = String(this.#who.seesAll || this.#who.manages);
    document.body.dataset.trades = String(this.#who.trades);
    setText(byId("who"), `${this.#who.name} · ${this.#who.tenant}`);
    byId("who").title = this.#who.roles.join(", ");
  }

  async start() {
    await this.#instruments();
    this.#stream.start();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    addEventListener("online", () => this.#stream.nudge(), { signal: this.#over.signal });
  }

  stop() {
    this.#over.abort();
    this.#waiting = null;
    this.#stream.stop();
    clearInterval(this.#timer);
    cancelAnimationFrame(this.#frame);
    this.#model.clear();
    this.#blotter.select(null);
    this.#blotter.refresh();
  }

  async #instruments() {
    const list = await this.#api.instruments();
    for (const i of list) this.#digits.set(i.symbol, fractionDigits(i.tick ?? i.referencePrice));
    this.#ticket.instruments = list;
  }

  // From the server ---------------------------------------------------------------------------------------------------

  /** A list, and on it what was heard meanwhile. False: a later one was asked for, and has it all; or nobody is there. */
  async #fresh() {
    const events = (this.#waiting = []);
    const list = await this.#listAtLast(events);
    if (!list) return false;
    this.#waiting = null;
    this.#model.clear();
    for (const view of list) this.#model.put(view);
    this.#follow(list);
    for (const event of events) this.#apply(event);
    this.#soon();
    return true;
  }

  /** However often it must be asked for, as long as `events` are what waits for it. */
  async #listAtLast(events) {
    for (let againMs = LIST_AGAIN_MS; events === this.#waiting; againMs = Math.min(2 * againMs, LIST_AGAIN_MS_MAX)) {
      events.length = 0; // what was heard before a list is asked for is in it
      try {
        const list = await this.#list();
        return events === this.#waiting ? list : null;
      } catch (error) {
        if (events !== this.#waiting) return null;
        if (error instanceof Problem && error.status === 401) this.#onRefused(error.detail);
        else if (againMs === LIST_AGAIN_MS) toast("bad", "The list of RFQs did not come; it is asked for again", error.message);
      }
      await pause(againMs);
    }
    return null;
  }

  /** The newest, back to a page where none lives. */
  async #list() {
    const all = [];
    let next = null;
    for (let page = 0; page < PAGES_MAX; page++) {
      const answer = await this.#api.rfqs(next);
      all.push(...answer.rfqs);
      next = answer.next;
      if (!next || (answer.rfqs.length > 0 && answer.rfqs.every(isEnded))) break;
    }
    return all;
  }

  /**
   * A manager hears of its team's takers as soon as it has seen one of their RFQs; what happened to these between the
   * list and the subscription is in the next list. One whose subscription got no answer stays: the next connection asks.
   */
  async #follow(list) {
    if (this.#who.seesAll || !this.#who.manages) return;
    const found = [...new Set(list.map((rfq) => rfq.taker))].filter((taker) => taker && !this.#traders.has(taker));
    if (found.length === 0) return;
    for (const taker of found) this.#traders.add(taker);
    const asked = await Promise.allSettled(found.map((taker) => this.#stream.request("subscribe:trader", { traderId: taker })));
    asked.forEach(({ reason }, i) => reason && !UNANSWERED.has(reason.error) && this.#traders.delete(found[i]));
    if (asked.some(({ status }) => status === "fulfilled")) this.#stream.refresh();
  }

  #heard(event) {
    if (event.ts) this.#clock.heard(milliseconds(event.ts));
    if (event.event === "heartbeat") return;
    if (this.#waiting) this.#waiting.push(event);
    else this.#apply(event);
  }

  #apply(event) {
    this.#model.apply(event);
    for (const id of this.#model.missing) {
      this.#model.missing.delete(id);
      this.#api.rfq(id).then((view) => this.#model.put(view) && this.#soon()).catch(() => {});
    }
    this.#soon();
  }

  async #snapshot(id) {
    if (!id || !this.#stream.live) return;
    try {
      await this.#stream.request("subscribe:rfq", { rfqId: id }, (answer) => {
        this.#model.snapshot(answer.rfq);
        this.#soon();
      });
    } catch (error) {
      if (error.error === "unknown_rfq") this.#model.rfqs.delete(id);
    }
  }

  #select(id) {
    const before = this.#subscribed;
    this.#subscribed = id;
    if (before && this.#stream.live) this.#stream.request("unsubscribe:rfq", { rfqId: before }).catch(() => {});
    this.#detail.show(id);
    this.#snapshot(id);
    this.#soon();
  }

  #subscribed = null;

  async #streamIs({ state, detail, failures }) {
    const chip = byId("stream");
    chip.dataset.state = state;
    setText(chip, STREAM_WORDS[state]);
    chip.title = detail ?? "";
    if (state === "live" || state === "waiting") byId("stale").hidden = state === "live";
    this.#detail.live = state === "live"; // prices that may be old are not dealt on
    if (state === "connecting") this.#clock.reset();
    else if (state === "live") this.#snapshot(this.#blotter.selected);
    else if (state === "refused") this.#onRefused(detail || "The server has ended the session.");
    else if (state === "waiting" && failures > 1) {
      // A refused upgrade looks like a lost connection to a page: the API says which it was.
      const error = await this.#api.rfqs(null, 1).catch((e) => e);
      if (error instanceof Problem && error.status === 401) this.#onRefused(error.detail);
    }
  }

  // To the screen -----------------------------------------------------------------------------------------------------

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#model.prune(this.#blotter.selected);
      const changed = this.#model.takeChanged();
      this.#blotter.refresh(changed);
      if (changed.has(this.#blotter.selected)) this.#detail.changed();
    });
  }

  /** The one timer: countdowns, and the clock in the corner. */
  #tick() {
    const now = this.#clock.now();
    this.#blotter.tick(now);
    this.#detail.tick(now);
    setText(byId("clock"), `${new Date(now).toISOString().slice(11, 19)} UTC`);
  }

  // Keys --------------------------------------------------------------------------------------------------------------

  key(event) {
    const { key, code, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (key === "Escape") {
      target.blur?.();
      byId("keys").hidden = true;
      if (!this.#detail.closeForms() && !byId("search").value) this.#blotter.select(null);
      this.#detail.update();
      return true;
    }
    if (target.matches("input, select, textarea")) return false;
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code);
    if (digit && event.repeat) return true; // held: the second stroke of a deal is one that somebody makes
    if (digit) this.#detail.acceptRank(Number(digit[1]), event.shiftKey ? "sell" : "buy");
    else if (key === "n") this.#ticket.focus();
    else if (key === "j" || key === "ArrowDown") this.#blotter.move(1);
    else if (key === "k" || key === "ArrowUp") this.#blotter.move(-1);
    else if (key === "c") this.#detail.openCancel();
    else if (key === "e") this.#detail.openExtend();
    else if (key === "/") byId("search").focus();
    else if (key === "?") byId("keys").hidden = !byId("keys").hidden;
    else return false;
    return true;
  }
}

// Who is there -------------------------------------------------------------------------------------------------------

let desk = null;

function showLogin(why = "") {
  desk?.stop();
  desk = null;
  dropToken(sessionStorage);
  ask(why);
}

function ask(why) {
  byId("desk").hidden = true;
  byId("login").hidden = false;
  setText(byId("login-error"), why);
  byId("token").focus();
}

async function enter(token) {
  desk?.stop();
  try {
    desk = new Desk(token, showLogin);
    await desk.start();
    keepToken(sessionStorage, token);
    byId("login").hidden = true;
    byId("desk").hidden = false;
  } catch (error) {
    if (error instanceof Problem || !isUnanswered(error)) {
      showLogin(error.detail || error.message);
      return;
    }
    ask("The server does not answer; it is asked again.");
    setTimeout(() => !byId("login").hidden && enter(token), AGAIN_MS);
  }
}

/** fetch says so of a connection that failed, or took too long. */
const isUnanswered = (error) => error instanceof TypeError || error.name === "TimeoutError";

byId("login-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  byId("token").value = "";
  setText(byId("login-error"), "");
  enter(token);
});
byId("sign-out").addEventListener("click", () => showLogin());
byId("keys-open").addEventListener("click", () => (byId("keys").hidden = !byId("keys").hidden));
document.addEventListener("keydown", (event) => {
  if (desk?.key(event)) event.preventDefault();
});

const token = takeToken(location, history, sessionStorage);
if (token) enter(token);
else showLogin();
