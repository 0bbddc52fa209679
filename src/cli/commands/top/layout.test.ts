import { describe, expect, test } from "bun:test";
import { columnsOf, layoutFor } from "./layout.ts";
import { peak, plot } from "./plot.ts";

const keys = (width: number, allNetns = false, sorted = "rate") =>
  layoutFor(columnsOf(undefined, allNetns), width, sorted).map(({ column }) => column.key);

describe("a layout", () => {
  test("fits every width from 30 on, with one blank between columns and one before them", () => {
    for (const columns of [columnsOf(undefined, false), columnsOf(undefined, true), columnsOf("peer", false)])
      for (let width = 30; width <= 300; width++) {
        const taken = layoutFor(columns, width).reduce((sum, column) => sum + column.width + 1, 0);
        expect(taken).toBeLessThanOrEqual(width);
      }
  });

  test("shows the peer and the rates in 60 columns, what matters in 80, and everything in 200", () => {
    expect(keys(60)).toEqual(["netid", "state", "peer", "rx", "tx"]);
    expect(keys(80)).toEqual(["netid", "state", "peer", "rx", "tx", "rtt", "process"]);
    expect(keys(100)).toEqual(["netid", "state", "local", "peer", "rx", "tx", "rtt", "process"]);
    expect(keys(200)).toEqual(columnsOf(undefined, false).map(({ key }) => key));
    expect(keys(200, true)).toContain("netns");
  });

  test("never leaves out what matters most", () => {
    for (let width = 60; width < 300; width++)
      expect(keys(width)).toEqual(expect.arrayContaining(["netid", "state", "peer", "rx", "tx"]));
  });

  test("shows the sorted column at every width, with room for the mark of the order", () => {
    for (const { key } of columnsOf(undefined, true))
      for (const width of [60, 80, 100, 200])
        if (key !== "rate") expect(keys(width, true, key)).toContain(key);
    const netid = layoutFor(columnsOf(undefined, false), 200, "netid")[0]!;
    expect(netid.width).toBeGreaterThan("Netid".length);
  });
});

describe("a plot", () => {
  test("is as high as its largest value, newest at the right", () => {
    expect(plot([0, 1, 2, 4, 8], 6)).toEqual(["  ▁▂▄█"]);
    expect(plot([1, 16], 2, 2)).toEqual([" █", "▁█"]);
    expect(peak([undefined, 3, 1])).toBe(3);
  });

  test("shows what is small, and blank what is not known", () => {
    expect(plot([undefined, 1, 1_000_000], 3)).toEqual([" ▁█"]);
    expect(plot([], 4)).toEqual(["    "]);
    expect(plot([1, 2, 3], 0)).toEqual([""]);
  });
});
