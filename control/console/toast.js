// Short notes at the edge: what was refused, with the server's own words, and what was done. A refusal stays longer,
// and goes when it is clicked.
import { byId, el } from "./dom.js";

const STAYS_MS = { good: 4000, bad: 12000 };
const TOASTS_MAX = 4;

export function toast(kind, title, detail = "") {
  const close = () => node.remove();
  const node = el("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status", onclick: close },
    el("strong", {}, title), detail ? el("span", {}, detail) : null);
  const list = byId("toasts");
  list.append(node);
  while (list.children.length > TOASTS_MAX) list.firstElementChild.remove();
  setTimeout(close, STAYS_MS[kind]);
}

/** A Problem, or whatever else went wrong. Of a request without an answer nobody may say that it came to nothing. */
export function refused(what, error) {
  if (error.code === "unknown") {
    toast("bad", "Outcome not known", error.detail);
    return;
  }
  const code = error.code ? ` · ${error.code}` : "";
  toast("bad", `${what}${code}`, error.detail || error.message);
}
