// The stream of events over a WebSocket (subprotocol rfqd.v1), without gap or repeat across connections.
//
// Each event names the one before it (`prev`), and the position (epoch, seq) is what was heard last. A new connection
// resumes from there; where that cannot be had any more (`unrecoverable`, an answer or an event), it subscribes anew and
// says so (onFresh): then, and at the first start, whoever listens takes a new list, and it is live when that is there.
// A chain that does not fit is a gap, and is treated as a lost connection.
//
//   new Stream({ url, token, topics, onFresh, onEvent, onState, onAnswer? })
//   onFresh() → Promise of true: the list is taken; false: it is another call's that counts
//   onState({ state, detail?, retryMs? })   connecting · resuming · live · waiting · refused

const FIRST_MS = 250;
const LONGEST_MS = 10000;
const SILENCE_MS = 12500; // a heartbeat comes each 5 s
const ANSWER_MS = 10000;
const POLICY = 1008; // close code: the token, most often

export class Refusal extends Error {
  constructor(error, detail) {
    super(detail || error);
    this.error = error;
  }
}

export class Stream {
  #options;
  #socket = null;
  #position = null; // {epoch, seq}
  #isWhole = false; // all topics were subscribed to, and a list was taken behind them: it can be resumed from there
  #asked = new Map(); // id → {resolve, reject, timer, onAnswer}
  #nextId = 1;
  #failures = 0;
  #retry = null;
  #silence = null;
  #delayMs = null; // told by the server
  #expired = false;
  #stopped = false;
  state = "waiting";

  constructor(options) {
    this.#options = { WebSocket: globalThis.WebSocket, random: Math.random, ...options };
  }

  start() {
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** Now, where it waits for its next attempt: the network is back, or somebody looks again. */
  nudge() {
    if (this.state !== "waiting" || this.#stopped) return;
    clearTimeout(this.#retry);
    this.#connect();
  }

  get live() {
    return this.state === "live";
  }

  /** A new list; until it is there this is not live, and a connection that is lost meanwhile begins anew. */
  async refresh() {
    const socket = this.#socket;
    this.#isWhole = false;
    if (!socket) return;
    this.#tell("resuming");
    if (!(await this.#options.onFresh()) || socket !== this.#socket) return;
    this.#isWhole = true;
    this.#live();
  }

  /** onAnswer is called before the next event is looked at: a snapshot fits its place in the stream. */
  request(op, body = {}, onAnswer = null) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== 1) {
        reject(new Refusal("disconnected", "not connected"));
        return;
      }
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        reject(new Refusal("timeout", `no answer to ${op}`));
      }, ANSWER_MS);
      this.#asked.set(id, { resolve, reject, timer, onAnswer });
      this.#socket.send(JSON.stringify({ op, id, ...body }));
    });
  }

  // Connection --------------------------------------------------------------------------------------------------------

  #tell(state, more = {}) {
    this.state = state;
    this.#options.onState({ state, ...more });
  }

  #connect() {
    const { url, token, WebSocket: Socket } = this.#options;
    this.#tell("connecting");
    const socket = new Socket(url, ["rfqd.v1", `bearer.${token}`]);
    this.#socket = socket;
    this.#delayMs = null;
    const ours = (act) => (event) => socket === this.#socket && act(event);
    socket.onopen = ours(() => this.#opened());
    socket.onmessage = ours((event) => this.#heard(JSON.parse(event.data)));
    socket.onclose = ours((event) => this.#lost(event.code, event.reason));
    this.#watch();
  }

  #watch() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lost(0, "nothing was heard of the server"), SILENCE_MS);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#silence);
    for (const { reject, timer } of this.#asked.values()) {
      clearTimeout(timer);
      reject(new Refusal("disconnected", "the connection was lost"));
    }
    this.#asked.clear();
    if (socket && socket.readyState < 2) socket.close(1000);
  }

  #lost(code, reason) {
    this.#drop();
    if (this.#stopped) return;
    if (this.#expired || code === POLICY) {
      this.#stopped = true;
      this.#tell("refused", { detail: reason });
      return;
    }
    // Not all at once: each waits a part of the time, by chance.
    const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++);
    const retryMs = this.#delayMs ?? Math.round(most * (0.5 + this.#options.random() / 2));
    this.#tell("waiting", { detail: reason, retryMs, failures: this.#failures });
    if (this.#stopped) return; // whoever was told has ended it
    this.#retry = setTimeout(() => this.#connect(), retryMs);
  }

  // Where it goes on --------------------------------------------------------------------------------------------------

  async #opened() {
    const socket = this.#socket;
    try {
      if (this.#isWhole && (await this.#resume())) return; // live once all that was missed has come
      await this.#subscribe();
    } catch (error) {
      if (socket === this.#socket) this.#lost(0, error.message);
    }
  }

  async #resume() {
    this.#tell("resuming");
    const { epoch, seq } = this.#position;
    try {
      await this.request("resume", { epoch, since: seq, ...this.#options.topics() });
      return true;
    } catch (error) {
      if (error.error === "disconnected" || error.error === "timeout") throw error;
      return false;
    }
  }

  async #subscribe() {
    const { traders = [], tenant = false } = this.#options.topics();
    this.#isWhole = false;
    this.#position = null;
    const at = (answer) => {
      this.#position ??= { epoch: answer.epoch, seq: answer.seq };
      this.#position.seq = answer.seq;
    };
    if (tenant) await this.request("subscribe:tenant", {}, at);
    for (const traderId of traders) await this.request("subscribe:trader", { traderId }, at);
    await this.refresh();
  }

  #live() {
    this.#failures = 0;
    this.#tell("live");
  }

  // What comes --------------------------------------------------------------------------------------------------------

  #heard(message) {
    this.#watch();
    if (message.re !== undefined) this.#answered(message);
    else if (message.event === "resumed") this.#live();
    else if (message.event === "unrecoverable") this.#isWhole = false; // it is closed next
    else if (message.event === "going_away") this.#delayMs = message.data.reconnectAfterMs;
    else if (message.event === "auth:expired") this.#expired = true;
    else if (message.event === "heartbeat") this.#beat(message);
    else if (message.event !== "pong") this.#event(message);
  }

  #answered(message) {
    const asked = this.#asked.get(message.re);
    if (!asked) return;
    this.#asked.delete(message.re);
    clearTimeout(asked.timer);
    if (!message.success) {
      asked.reject(new Refusal(message.error, message.detail));
      return;
    }
    if (message.seq !== undefined && this.#position && message.seq > this.#position.seq)
      this.#position.seq = message.seq;
    asked.onAnswer?.(message);
    asked.resolve(message);
  }

  #event(message) {
    if (message.seq !== undefined) {
      if (!this.#position || message.prev !== this.#position.seq) {
        this.#lost(0, "an event was missed");
        return;
      }
      this.#position.seq = message.seq;
    }
    this.#options.onEvent(message);
  }

  #beat(message) {
    // What waits for a slow reader stands before the heartbeat, and was not counted in it: ours may be the larger one.
    if (this.live && this.#position && message.seq > this.#position.seq) {
      this.#lost(0, "an event was missed");
      return;
    }
    this.#options.onEvent(message);
  }
}
