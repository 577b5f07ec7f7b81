// The HTTP API. An answer is its JSON; anything else is a Problem with the server's own code and detail.
//
// A write goes out under an Idempotency-Key, and is sent again under the same key when its answer got lost: the server
// does it once and gives the same answer. What has no answer then is `unknown`, never «failed»: also where a later
// attempt is refused before the server has looked for the key (it is busy, or the token has expired meanwhile).

const TIMEOUT_MS = 12000;
const ATTEMPTS = 4;
const AGAIN_MS = 400;

// What a status says of the attempt; 0: there was no answer at all.
const OPEN = new Set([0, 502, 504]); // it may have been carried out
const AGAIN = new Set([0, 502, 503, 504]); // worth another attempt
const UNLOOKED = new Set([401, 403, 429]); // refused before its key was looked for

export class Problem extends Error {
  constructor(status, code, title, detail) {
    super(detail || title);
    Object.assign(this, { name: "Problem", status, code, title, detail });
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function problemOf(response) {
  const text = await response.text();
  try {
    const p = JSON.parse(text);
    return new Problem(response.status, p.code ?? "", p.title ?? response.statusText, p.detail ?? "");
  } catch {
    return new Problem(response.status, "", response.statusText || `status ${response.status}`, text.slice(0, 200));
  }
}

export class Api {
  #token;
  #base;

  constructor(token, base = "/api/v1") {
    this.#token = token;
    this.#base = base;
  }

  async #send(method, path, body, key) {
    const headers = { Authorization: `Bearer ${this.#token}`, Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const response = await fetch(this.#base + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw await problemOf(response);
    return response.json();
  }

  get(path) {
    return this.#send("GET", path);
  }

  async post(path, body) {
    const key = newKey();
    let isOpen = false; // an attempt may have been carried out, and nobody has said so
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#send("POST", path, body, key);
      } catch (error) {
        const status = error instanceof Problem ? error.status : 0;
        isOpen ||= OPEN.has(status);
        if (!AGAIN.has(status) || attempt === ATTEMPTS) {
          if (isOpen && (AGAIN.has(status) || UNLOOKED.has(status)))
            throw new Problem(0, "unknown", "No answer", "No answer came: whether it was done is not known. Look at the RFQ.");
          throw error;
        }
        await pause(AGAIN_MS * attempt);
      }
  }

  async instruments() {
    return (await this.get("/instruments")).instruments;
  }

  /** {rfqs, next}: a page, the newest first; cursor null: the first one. next null: there are no more. */
  rfqs(cursor, limit = 500) {
    return this.get(`/rfqs?limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  }

  rfq(id) {
    return this.get(`/rfqs/${id}`);
  }

  async transitions(id) {
    return (await this.get(`/rfqs/${id}/transitions`)).transitions;
  }

  async deliveries(id) {
    return (await this.get(`/rfqs/${id}/deliveries`)).deliveries;
  }

  create(request) {
    return this.post("/rfqs", request);
  }

  accept(id, choice) {
    return this.post(`/rfqs/${id}/accept`, choice);
  }

  cancel(id, reason) {
    return this.post(`/rfqs/${id}/cancel`, { reason });
  }

  extend(id, reason, expiresAt) {
    return this.post(`/rfqs/${id}/extend`, expiresAt ? { reason, expiresAt } : { reason });
  }
}
