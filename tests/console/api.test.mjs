import assert from "node:assert/strict";
import test from "node:test";
import { Api } from "../../control/console/api.js";

/** Sends a write to a server that answers as told: a status each, 0 for none. Returns what came of it. */
async function written(t, ...statuses) {
  t.mock.method(globalThis, "setTimeout", (act) => setImmediate(act));
  const keys = new Set();
  const server = t.mock.method(globalThis, "fetch", async (path, { headers }) => {
    keys.add(headers["Idempotency-Key"]);
    const status = statuses.shift();
    if (!status) throw new TypeError("no connection");
    return new Response(JSON.stringify(status === 200 ? { id: "R1" } : { code: `c${status}` }), { status });
  });
  const answer = await new Api("t").create({}).catch((problem) => problem);
  assert.equal(keys.size, 1);
  const { calls } = server.mock;
  t.mock.restoreAll();
  return [answer.id ?? answer.code, calls.length];
}

test("a write without an answer is sent again under its key, until there is one", async (t) => {
  assert.deepEqual(await written(t, 200), ["R1", 1]);
  assert.deepEqual(await written(t, 0, 503, 504, 200), ["R1", 4]);
  assert.deepEqual(await written(t, 0, 422), ["c422", 2]);
});

test("what was refused before anything was done is refused, however often", async (t) => {
  assert.deepEqual(await written(t, 401), ["c401", 1]);
  assert.deepEqual(await written(t, 503, 503, 503, 503), ["c503", 4]);
});

test("what got no answer to the end is not known, also where later attempts were not looked at", async (t) => {
  assert.deepEqual(await written(t, 0, 0, 0, 0), ["unknown", 4]);
  assert.deepEqual(await written(t, 504, 503, 503, 503), ["unknown", 4]);
  assert.deepEqual(await written(t, 504, 401), ["unknown", 2]);
});
