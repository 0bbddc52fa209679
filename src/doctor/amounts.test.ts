import { expect, test } from "bun:test";
import fc from "fast-check";
import { bytesText, durationText, microsecondsText, rateText } from "./amounts.ts";

test.each([
  [0, "0 ms"],
  [40, "40 ms"],
  [999, "999 ms"],
  [3264, "3.26 s"],
  [59_990, "60 s"],
  [60_000, "1 min"],
  [303_000, "5 min 3 s"],
  [7_199_000, "1 h 59 min"],
  [7_200_000, "2 h"],
  [86_400_000, "1 day"],
  [273_600_000, "3 days 4 h"],
])("durationText(%d) is %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [34, "34 us"],
  [999, "999 us"],
  [1250, "1.25 ms"],
  [740_000, "740 ms"],
  [4_040_000, "4.04 s"],
])("microsecondsText(%d) is %s", (us, text) => {
  expect(microsecondsText(us)).toBe(text);
});

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [65_483, "65483 bytes"],
  [100_000, "100 kB"],
  [2_803_712, "2.8 MB"],
  [5e12, "5 TB"],
])("bytesText(%d) is %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0, "0 bit/s"],
  [100, "800 bit/s"],
  [1_000_000, "8 Mbit/s"],
  [156_250_000, "1.25 Gbit/s"],
  [1e17, "800000 Tbit/s"],
])("rateText(%d) is %s", (rate, text) => {
  expect(rateText(rate)).toBe(text);
});

test("every amount has a number and a unit", () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (amount) => {
      expect(durationText(amount)).toMatch(/^\d+(\.\d+)? (ms|s|min|h|days?)( \d+ (s|min|h))?$/);
      expect(microsecondsText(amount)).toMatch(/^\d+(\.\d+)? (us|ms|s|min|h|days?)( \d+ (s|min|h))?$/);
      expect(bytesText(amount)).toMatch(/^\d+(\.\d+)? (bytes?|[kMGT]B)$/);
      expect(rateText(amount)).toMatch(/^\d+(\.\d+)? [kMGT]?bit\/s$/);
    }),
  );
});
