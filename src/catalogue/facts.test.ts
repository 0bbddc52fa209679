/** What holds of every row of a fact, whichever family it is of. */
import { describe, expect, test } from "bun:test";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import type { Column } from "../fields/column.ts";
import { noNames } from "../fields/names.ts";
import { type FactField, headings } from "../model/fact.ts";
import { columnsByKind } from "./describe.ts";

const columns = Object.entries(columnsByKind(noNames)).flatMap(([kind, own]) =>
  (own as readonly Column<never>[]).map((column) => ({ kind, ...column })),
);

/** The names of the columns that break a rule. */
function breaking(rule: (column: Column<never>) => boolean): string[] {
  return columns.filter((column) => !rule(column)).map(({ kind, key }) => `${kind} ${key}`);
}

/** Units of numbers that add up. */
const countable = new Set([undefined, "bytes", "segments", "packets", "ms", "us", "connections"]);

describe("a column", () => {
  test("with a unit says how its number behaves over time", () => {
    expect(breaking(({ unit, metric }) => unit === undefined || metric !== undefined)).toEqual([]);
  });

  test("that is a counter has a unit that adds up, or is a plain count", () => {
    const counters = columns.filter(({ metric }) => metric === "counter");
    expect(counters.length).toBeGreaterThan(40);
    expect(
      breaking(
        ({ metric, unit, type }) => metric !== "counter" || (type === "integer" && countable.has(unit)),
      ),
    ).toEqual([]);
  });

  test("that is a 64-bit identity is marked as one", () => {
    expect(breaking(({ field, metric }) => field?.type !== "id64" || metric === "identity")).toEqual([]);
  });

  test("of no number has no metric", () => {
    const numeric = new Set(["integer", "number", "hex"]);
    expect(breaking(({ type, metric }) => metric === undefined || numeric.has(type))).toEqual([]);
  });

  test("with a place in --explain has a known heading", () => {
    expect(breaking(({ group }) => group === undefined || headings.includes(group[0]))).toEqual([]);
  });
});

describe("a row of struct tcp_info", () => {
  const rows: readonly (readonly [string, FactField])[] = Object.entries(tcpInfo);

  test("has a word of the filter that no other row has", () => {
    const words = rows.flatMap(([, { filter }]) => filter ?? []);
    expect(new Set(words).size).toBe(words.length);
    expect(words.length).toBeGreaterThan(45);
  });

  test("counts up or is measured, not both", () => {
    const both = rows.filter(([, { metric, zero }]) => metric === "counter" && zero !== undefined);
    expect(both).toEqual([]);
  });
});
