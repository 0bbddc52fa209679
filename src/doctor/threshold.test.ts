import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Quantity, readThreshold, writeThreshold } from "./threshold.ts";

describe("readThreshold()", () => {
  test.each<[text: string, quantity: Quantity, value: number | undefined]>([
    ["5s", "time", 5000],
    ["1.5s", "time", 1500],
    ["0ms", "time", 0],
    ["2m", "time", 120_000],
    ["5", "time", undefined],
    ["5us", "time", undefined],
    ["80%", "percent", 80],
    ["80", "percent", 80],
    ["0.5%", "percent", 0.5],
    ["-1%", "percent", undefined],
    ["%", "percent", undefined],
    ["64k", "size", 65536],
    ["12", "count", 12],
    ["1.5", "count", undefined],
    ["", "count", undefined],
  ])("reads %p of %p", (text, quantity, value) => {
    expect(readThreshold(text, quantity)).toBe(value as number);
  });

  test("reads what writeThreshold() writes", () => {
    const quantity = fc.constantFrom<Quantity>("count", "time", "size", "percent");
    fc.assert(
      fc.property(quantity, fc.nat(900_000), (quantity, value) => {
        expect(readThreshold(writeThreshold(value, quantity), quantity)).toBe(value);
      }),
    );
  });
});
