import assert from "node:assert/strict";
import test from "node:test";
import * as format from "../../control/console/format.js";

test("decimals beyond what a double holds are compared and subtracted to the last digit", () => {
  assert.equal(format.compare("9007199254740993.00000001", "9007199254740993.00000002"), -1);
  assert.equal(format.difference("9007199254740993.00000002", "9007199254740993.00000001"), "0.00000001");
  assert.equal(format.difference("1.1", "1.10002"), "-0.00002");
  assert.equal(format.compare("1.10", "1.1"), 0);
  assert.throws(() => format.scaled("1e5"), /not a decimal/);
});

test("a column of prices lines up", () => {
  assert.equal(format.padded("1.1", 5), "1.10000");
  assert.equal(format.padded("149", 3), "149.000");
  assert.equal(format.padded("1.100021", 5), "1.100021");
  assert.deepEqual(format.priceParts("1.1", 5), { figure: "1.10", pips: "00", fraction: "0" });
  assert.deepEqual(format.priceParts("149.207", 3), { figure: "149.", pips: "20", fraction: "7" });
  assert.deepEqual(format.priceParts("12.5", 2), { figure: "12.50", pips: "", fraction: "" });
});

test("quantities are read as people write them", () => {
  for (const [typed, meant] of [["1000000", "1000000"], ["1,000,000", "1000000"], ["1.5m", "1500000"], ["250K", "250000"],
    ["2 b", "2000000000"], [" 0.00000001 ", "0.00000001"]])
    assert.equal(format.parseQuantity(typed), meant, typed);
  for (const typed of ["", "m", "-5", "1e6", "1.2.3", "ten", "1.123456789"]) assert.equal(format.parseQuantity(typed), null, typed);
  assert.equal(format.grouped("1234567.125"), "1,234,567.125");
  assert.equal(format.grouped("999"), "999");
});

test("time left is told in few characters, and never below nothing", () => {
  for (const [ms, told] of [[-5, "0 s"], [0, "0 s"], [940, "0.9 s"], [9999, "9.9 s"], [10000, "10 s"], [99999, "99 s"],
    [100000, "1:40"], [3661000, "1:01:01"]])
    assert.equal(format.duration(ms), told, String(ms));
});

test("times have nanoseconds; milliseconds of them are used", () => {
  assert.equal(format.milliseconds("2026-01-02T03:04:05.678912345Z"), Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  assert.equal(format.clockTimeFine("2026-01-02T03:04:05.678912345Z"), "03:04:05.678");
});
