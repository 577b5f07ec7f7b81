// The blotter: one row for each RFQ, the newest on top. Rows have one height, and only those in sight exist: with a
// thousand RFQs alive a change costs as much as with ten.
import { byId, el, setAttribute, setClass, setText } from "./dom.js";
import { SIDES, clockTime, duration, grouped, milliseconds, padded, words } from "./format.js";
import { isCounting, isDealing, isEnded } from "./model.js";

const ROW_HEIGHT = 26; // style.css has the same
const SPARE_ROWS = 6; // above and below what is in sight
const LINGER_MS = 10000; // what ended stays among the live ones for so long, so that its end is seen

const COLUMNS = [
  ["time", "Time"], ["id", "RFQ"], ["taker", "Taker"], ["symbol", "Instrument"], ["side", "Side"], ["quantity", "Quantity"],
  ["status", "Status"], ["quotes", "Quotes"], ["bid", "Best bid"], ["ask", "Best ask"], ["left", "Time left"], ["deal", "Deal"],
];
const NUMBERS = new Set(["quantity", "quotes", "bid", "ask", "deal"]);

const FILTERS = {
  live: (rfq, now) => !isEnded(rfq) || (rfq.endedAt !== null && now - milliseconds(rfq.endedAt) < LINGER_MS),
  ended: (rfq) => isEnded(rfq),
  all: () => true,
};

/** Never goes back, so that an award that came to nothing is still «awarded»: what is to be done then stands there. */
export function statusOf(rfq) {
  if (rfq.cancelPending) return "cancelling";
  if (rfq.award?.inDoubt && !isEnded(rfq)) return "in doubt";
  if (rfq.status === "awarded" && isDealing(rfq)) return "choose again";
  return rfq.status;
}

function dealText(rfq, digits) {
  if (!rfq.award || rfq.status === "cancelled") return isEnded(rfq) && rfq.status !== "filled" ? words(rfq.reason) : "";
  return `${rfq.award.lpId ?? ""} ${padded(rfq.award.price, digits)}`.trim();
}

/** Standing ones, of so many asked. */
function quotesText(rfq) {
  if (isEnded(rfq)) return "";
  return rfq.lpCount ? `${rfq.quoteCount} / ${rfq.lpCount}` : String(rfq.quoteCount);
}

export class Blotter {
  #model;
  #digitsOf;
  #onSelect;
  #rows = new Map(); // id → {node, cells, bar, left}, those in sight
  #order = []; // ids that pass the filter
  #filter = "live";
  #text = "";
  #now = 0;
  #scroller = byId("blotter");
  #space = byId("rows");
  selected = null;

  /** digitsOf(symbol): digits behind the point of its prices. onSelect(id). signal: it is over. */
  constructor({ model, digitsOf, onSelect, signal }) {
    this.#model = model;
    this.#digitsOf = digitsOf;
    this.#onSelect = onSelect;
    byId("heads").replaceChildren(...COLUMNS.map(([name, title]) =>
      el("div", { role: "columnheader", class: `c-${name}${NUMBERS.has(name) ? " number" : ""}` }, title)));
    this.#scroller.addEventListener("scroll", () => this.#draw(), { passive: true, signal });
    const resized = new ResizeObserver(() => this.#draw());
    resized.observe(this.#scroller);
    signal.addEventListener("abort", () => resized.disconnect());
    for (const tab of document.querySelectorAll("[data-filter]"))
      tab.addEventListener("click", () => this.setFilter(tab.dataset.filter), { signal });
    byId("search").addEventListener("input", (event) => {
      this.#text = event.target.value.trim().toLowerCase();
      this.refresh();
    }, { signal });
  }

  setFilter(name) {
    this.#filter = name;
    for (const tab of document.querySelectorAll("[data-filter]"))
      tab.setAttribute("aria-selected", String(tab.dataset.filter === name));
    this.refresh();
  }

  select(id) {
    if (id === this.selected) return;
    this.selected = id;
    this.refresh();
    this.#reveal();
    this.#onSelect(id);
  }

  /** The next (1) or previous (−1) row from the selected one. */
  move(by) {
    if (this.#order.length === 0) return;
    const at = this.#order.indexOf(this.selected);
    const to = at < 0 ? 0 : Math.max(0, Math.min(this.#order.length - 1, at + by));
    this.select(this.#order[to]);
  }

  /** The rows' order, and those that changed: by their ids, or null: all. */
  refresh(changed = null) {
    const wanted = FILTERS[this.#filter];
    const counts = { live: 0, ended: 0 };
    const list = [];
    for (const rfq of this.#model.rfqs.values()) {
      counts[isEnded(rfq) ? "ended" : "live"]++;
      if (rfq.id === this.selected || (wanted(rfq, this.#now) && this.#matches(rfq))) list.push(rfq);
    }
    list.sort((a, b) => (b.createdAt ?? "").localeCompare(a.createdAt ?? "") || (a.id < b.id ? 1 : -1));
    this.#keepPlace(list);
    this.#order = list.map((rfq) => rfq.id);
    setText(byId("count-live"), String(counts.live));
    setText(byId("count-ended"), String(counts.ended));
    setText(byId("count-all"), String(counts.live + counts.ended));
    byId("empty").hidden = list.length > 0;
    this.#draw(changed);
  }

  /** The server's time moved on. */
  tick(now) {
    this.#now = now;
    for (const [id, row] of this.#rows) {
      const rfq = this.#model.rfqs.get(id);
      if (rfq) this.#countdown(row, rfq);
    }
    if (this.#filter === "live" && this.#order.some((id) => this.#hasLingered(id))) this.refresh(new Set());
  }

  #hasLingered(id) {
    const rfq = this.#model.rfqs.get(id);
    return !rfq || (id !== this.selected && !FILTERS.live(rfq, this.#now));
  }

  #matches(rfq) {
    return this.#text === "" ||
      [rfq.id, rfq.symbol, rfq.taker, rfq.reference, rfq.status, SIDES[rfq.side]].some((t) => t?.toLowerCase().includes(this.#text));
  }

  /** Who has scrolled down looks at certain rows: those that come in above do not push them away. */
  #keepPlace(list) {
    const top = this.#scroller.scrollTop;
    if (top < ROW_HEIGHT) return;
    const anchor = this.#order[Math.floor(top / ROW_HEIGHT)];
    const at = list.findIndex((rfq) => rfq.id === anchor);
    const moved = at < 0 ? 0 : at - Math.floor(top / ROW_HEIGHT);
    if (moved === 0) return;
    this.#space.style.setProperty("height", `${list.length * ROW_HEIGHT}px`);
    this.#scroller.scrollTop = top + moved * ROW_HEIGHT;
  }

  #reveal() {
    const at = this.#order.indexOf(this.selected);
    if (at < 0) return;
    const top = at * ROW_HEIGHT, height = this.#scroller.clientHeight - byId("heads").offsetHeight;
    if (top < this.#scroller.scrollTop) this.#scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > this.#scroller.scrollTop + height) this.#scroller.scrollTop = top + ROW_HEIGHT - height;
  }

  // Rows --------------------------------------------------------------------------------------------------------------

  #draw(changed = null) {
    const first = Math.max(0, Math.floor(this.#scroller.scrollTop / ROW_HEIGHT) - SPARE_ROWS);
    const last = Math.min(this.#order.length, first + Math.ceil(this.#scroller.clientHeight / ROW_HEIGHT) + 2 * SPARE_ROWS);
    const inSight = new Set(this.#order.slice(first, last));
    for (const [id, row] of this.#rows)
      if (!inSight.has(id)) {
        row.node.remove();
        this.#rows.delete(id);
      }
    this.#space.style.setProperty("height", `${this.#order.length * ROW_HEIGHT}px`);
    setAttribute(this.#scroller, "aria-rowcount", String(this.#order.length + 1));
    for (let at = first; at < last; at++) {
      const id = this.#order[at];
      let row = this.#rows.get(id);
      const isNew = !row;
      if (isNew) row = this.#make(id);
      this.#place(row, at);
      if (isNew || changed === null || changed.has(id)) this.#fill(row, this.#model.rfqs.get(id));
    }
    if (this.#rows.has(this.selected)) this.#scroller.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.#scroller.removeAttribute("aria-activedescendant");
  }

  #make(id) {
    const cells = {};
    const node = el("div", { role: "row", id: `row-${id}`, class: "row" });
    for (const [name] of COLUMNS) {
      cells[name] = el("div", { role: "gridcell", class: `c-${name}${NUMBERS.has(name) ? " number" : ""}` });
      node.append(cells[name]);
    }
    const row = { node, cells, at: -1, bar: el("i"), left: el("span"), chip: el("span", { class: "chip" }) };
    cells.left.append(el("span", { class: "bar" }, row.bar), row.left);
    cells.status.append(row.chip);
    cells.id.textContent = id;
    node.addEventListener("mousedown", () => this.select(id));
    this.#rows.set(id, row);
    this.#space.append(node);
    return row;
  }

  #place(row, at) {
    if (row.at === at) return;
    row.at = at;
    row.node.style.setProperty("transform", `translateY(${at * ROW_HEIGHT}px)`);
    row.node.setAttribute("aria-rowindex", String(at + 2));
  }

  #fill(row, rfq) {
    const { cells } = row;
    const digits = this.#digitsOf(rfq.symbol);
    const price = (text) => (text ? padded(text, digits) : "–");
    const isSelected = rfq.id === this.selected;
    setClass(row.node, `row side-${rfq.side}${isEnded(rfq) ? " over" : ""}${isSelected ? " selected" : ""}`);
    setAttribute(row.node, "aria-selected", String(isSelected));
    setText(cells.time, rfq.createdAt ? clockTime(rfq.createdAt) : "");
    setText(cells.taker, rfq.taker ?? "");
    setText(cells.symbol, rfq.symbol);
    setText(cells.side, SIDES[rfq.side] ?? rfq.side);
    setText(cells.quantity, grouped(rfq.quantity));
    setText(row.chip, statusOf(rfq));
    setAttribute(row.chip, "data-status", statusOf(rfq));
    setText(cells.quotes, quotesText(rfq));
    setText(cells.bid, rfq.side === "buy" ? "" : price(rfq.bestBid));
    setText(cells.ask, rfq.side === "sell" ? "" : price(rfq.bestAsk));
    setText(cells.deal, dealText(rfq, digits));
    this.#countdown(row, rfq);
  }

  #countdown(row, rfq) {
    const counts = isCounting(rfq) && rfq.expiresAt !== null;
    row.cells.left.classList.toggle("counts", counts);
    if (!counts) {
      setText(row.left, "");
      return;
    }
    const end = milliseconds(rfq.expiresAt), left = Math.max(0, end - this.#now);
    const whole = Math.max(1, end - milliseconds(rfq.createdAt ?? rfq.expiresAt));
    row.bar.style.setProperty("transform", `scaleX(${Math.min(1, left / whole).toFixed(3)})`);
    row.cells.left.classList.toggle("short", left < 5000);
    setText(row.left, duration(left));
  }
}
