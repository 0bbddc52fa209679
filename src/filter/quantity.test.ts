import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Dimension, dimensions, readAmount, writeAmount } from "./quantity.ts";

test.each<[string, Dimension, number | undefined]>([
  ["50ms", "time", 50_000],
  ["1.5s", "time", 1_500_000],
  ["1.1s", "time", 1_100_000],
  ["2h", "time", 7_200_000_000],
  ["0us", "time", 0],
  ["50", "time", undefined],
  ["0.5us", "time", undefined],
  ["ms", "time", undefined],
  [".5s", "time", undefined],
  ["5.s", "time", undefined],
  ["5 s", "time", undefined],
  ["5sec", "time", undefined],
  ["64k", "size", 65_536],
  ["1.5K", "size", 1536],
  ["1500", "size", 1500],
  ["0.3k", "size", undefined],
  ["10mbps", "rate", 10_000_000],
  ["1.2Gbps", "rate", 1_200_000_000],
  ["10m", "rate", undefined],
  ["0x10", "count", 16],
  ["010", "count", 8],
  ["-1", "count", undefined],
  ["9007199254740992", "count", undefined],
  ["9007199254740992", "size", undefined],
])("readAmount() of %s as %s", (text, dimension, expected) =>
  expect(readAmount(text, dimension)).toBe(expected as number),
);

test.each<[number, Dimension, string]>([
  [50_000, "time", "50ms"],
  [50_001, "time", "50001us"],
  [3_600_000_000, "time", "1h"],
  [0, "time", "0us"],
  [1536, "size", "1536"],
  [2048, "size", "2k"],
  [1_500_000, "rate", "1500kbps"],
  [7, "count", "7"],
])("writeAmount() of %d as %s", (amount, dimension, expected) =>
  expect(writeAmount(amount, dimension)).toBe(expected),
);

test("readAmount() reads what writeAmount() writes", () => {
  const dimension = fc.constantFrom(...(Object.keys(dimensions) as Dimension[]));
  const amount = fc.oneof(
    fc.maxSafeNat(),
    fc.nat({ max: 100 }).map((n) => n * 60_000_000),
  );
  fc.assert(
    fc.property(amount, dimension, (value, kind) =>
      expect(readAmount(writeAmount(value, kind), kind)).toBe(value),
    ),
  );
});
