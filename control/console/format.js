// Texts of decimals, times and durations. Decimals are the server's texts and stay texts: what is computed on them is
// computed on whole numbers of 1e-8, which is the resolution of the appliance, and never on binary fractions.

const DIGITS = 8;
const ONE = 10n ** BigInt(DIGITS);
const DECIMAL = /^-?\d+(\.\d{1,8})?$/;

export function scaled(text) {
  if (!DECIMAL.test(text)) throw new RangeError(`not a decimal: ${text}`);
  const negative = text.startsWith("-");
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole) * ONE + BigInt(fraction.padEnd(DIGITS, "0"));
  return negative ? -value : value;
}

export function decimal(value) {
  const size = value < 0n ? -value : value;
  const fraction = String(size % ONE).padStart(DIGITS, "0").replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${size / ONE}${fraction ? `.${fraction}` : ""}`;
}

export function compare(a, b) {
  const left = scaled(a), right = scaled(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

export const difference = (a, b) => decimal(scaled(a) - scaled(b));

export const fractionDigits = (text) => (text && text.includes(".") ? text.length - text.indexOf(".") - 1 : 0);

/** The same number with at least so many digits behind the point, so that a column lines up. */
export function padded(text, digits) {
  const missing = digits - fractionDigits(text);
  if (missing <= 0) return text;
  return `${text}${text.includes(".") ? "" : "."}${"0".repeat(missing)}`;
}

export function grouped(text) {
  const [whole, fraction] = text.split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${groups}.${fraction}` : groups;
}

/** A price as it is read aloud: the big figure, the two digits that are dealt on, and the fraction of a pip. */
export function priceParts(text, digits) {
  const whole = padded(text, digits);
  if (digits < 3) return { figure: whole, pips: "", fraction: "" };
  const end = whole.length;
  return { figure: whole.slice(0, end - 3), pips: whole.slice(end - 3, end - 1), fraction: whole.slice(end - 1) };
}

const UNITS = { "": 1n, k: 1000n, m: 1000000n, b: 1000000000n };

/** What people type as a quantity: 1000000, 1,000,000, 1.5m, 250k. null: that is no quantity. */
export function parseQuantity(text) {
  const found = /^([\d,_ ]*\d(?:\.\d{1,8})?)\s*([kmb]?)$/i.exec(text.trim());
  if (!found) return null;
  return decimal(scaled(found[1].replace(/[,_ ]/g, "")) * UNITS[found[2].toLowerCase()]);
}

// Times: ISO 8601 in UTC, nanoseconds and all. -----------------------------------------------------------------------

export const milliseconds = (iso) => Date.parse(iso.replace(/(\.\d{3})\d*/, "$1"));
export const clockTime = (iso) => iso.slice(11, 19);
export const clockTimeFine = (iso) => iso.slice(11, 23);

/** Time that is left, in as few characters as tell it: 4.2 s, 27 s, 4:05, 1:04:05. */
export function duration(ms) {
  if (ms <= 0) return "0 s";
  if (ms < 10000) return `${Math.floor(ms / 1000)}.${Math.floor((ms % 1000) / 100)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 100) return `${seconds} s`;
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// Words --------------------------------------------------------------------------------------------------------------

/** lp_default → lp default; BIDDING_OPEN → bidding open. */
export const words = (name) => (name ? name.toLowerCase().replaceAll("_", " ") : "");
export const sentence = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
export const SIDES = { buy: "Buy", sell: "Sell", twoWay: "Two-way" };
