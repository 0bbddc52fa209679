import { expect, test } from "bun:test";
import fc from "fast-check";
import { smallest } from "./smallest.ts";

test("smallest() returns the beginning of the sorted items", () => {
  const compare = (a: number, b: number) => a - b;
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer()), fc.nat(50), (items, count) => {
      expect(smallest(items, count, compare)).toEqual([...items].sort(compare).slice(0, count));
    }),
  );
});
