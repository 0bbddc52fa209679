import { expect, test } from "bun:test";
import fc from "fast-check";
import { rowOrder, type SortValues } from "./order.ts";

const sorted = (values: SortValues[], ...descending: boolean[]) => values.toSorted(rowOrder(descending));

test("numbers are sorted by size, texts as people expect, absent values last", () => {
  expect(sorted([[10], [9], [undefined], [100]], false)).toEqual([[9], [10], [100], [undefined]]);
  expect(sorted([[10], [9], [undefined], [100]], true)).toEqual([[100], [10], [9], [undefined]]);
  expect(sorted([["10.0.0.10"], ["10.0.0.9"]], false)).toEqual([["10.0.0.9"], ["10.0.0.10"]]);
  expect(sorted([["eth10"], ["eth2"]], true)).toEqual([["eth10"], ["eth2"]]);
  expect(sorted([[[]], [[3]], [[2]]], false)).toEqual([[[2]], [[3]], [[]]]);
});

test("equal rows are ordered by the next column, and else keep their order", () => {
  const rows = [
    ["b", 1, "first"],
    ["a", 1, "second"],
    ["b", 2, "third"],
    ["b", 1, "fourth"],
  ];
  expect(sorted(rows, false, true).map(([, , name]) => name)).toEqual(["second", "third", "first", "fourth"]);
});

test("the order is total", () => {
  const value = fc.option(fc.oneof(fc.integer(), fc.string(), fc.boolean()), { nil: undefined });
  fc.assert(
    fc.property(value, value, value, fc.boolean(), (a, b, c, descending) => {
      const order = rowOrder([descending]);
      const compare = (one: typeof a, other: typeof a) => Math.sign(order([one], [other]));
      expect(compare(a, b)).toBe(-compare(b, a) || 0);
      if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});
