// The ticket: a new RFQ. What is in range the server says, and refuses in its own words; here only the form is read.
import { byId, el } from "./dom.js";
import { grouped, parseQuantity } from "./format.js";
import { refused, toast } from "./toast.js";

export class Ticket {
  #api;
  #instruments = new Map();
  #onCreated;
  #form = byId("ticket");

  /** onCreated(id). */
  constructor({ api, onCreated }) {
    this.#api = api;
    this.#onCreated = onCreated;
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    byId("ticket-symbol").onchange = () => this.#hint();
    this.#form.oninput = (event) => event.target.setCustomValidity?.("");
    this.#form.onchange = () => this.#side();
    this.#side();
  }

  set instruments(list) {
    this.#instruments = new Map(list.map((i) => [i.symbol, i]));
    const select = byId("ticket-symbol");
    const chosen = select.value;
    select.replaceChildren(...list.filter((i) => i.tradable).map((i) => el("option", { value: i.symbol }, i.symbol)));
    if (this.#instruments.has(chosen)) select.value = chosen;
    this.#hint();
  }

  focus() {
    byId("ticket-quantity").focus();
    byId("ticket-quantity").select();
  }

  #side() {
    this.#form.dataset.side = this.#form.elements.side.value;
  }

  #hint() {
    const i = this.#instruments.get(byId("ticket-symbol").value);
    byId("ticket-hint").textContent = i
      ? `${grouped(i.minQuantity)} to ${grouped(i.maxQuantity)}${i.lot ? `, lots of ${grouped(i.lot)}` : ""}; 500k and 2m are understood`
      : "";
  }

  async #submit() {
    const field = byId("ticket-quantity");
    const quantity = parseQuantity(field.value);
    if (quantity === null) {
      field.setCustomValidity("A quantity: 1000000, 1,000,000, 500k or 1.5m");
      field.reportValidity();
      return;
    }
    const { symbol, side, timeout } = this.#form.elements;
    const request = { symbol: symbol.value, side: side.value, quantity, timeoutMs: Number(timeout.value) * 1000 };
    const button = byId("ticket-send");
    button.disabled = true;
    try {
      const { id } = await this.#api.create(request);
      toast("good", "Request sent", `${request.symbol} ${grouped(quantity)}`);
      field.blur();
      this.#onCreated(id);
    } catch (error) {
      refused("Request refused", error);
    } finally {
      button.disabled = false;
    }
  }
}
