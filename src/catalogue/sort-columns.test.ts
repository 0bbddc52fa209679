import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../model/json.ts";
import { rowOrder, type SortValues } from "./order.ts";
import { SortColumns } from "./sort-columns.ts";

const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, noDefaultInfinity: true }));
const address = fc
  .tuple(fc.nat(3), fc.nat(300), fc.nat(70_000))
  .map(([a, b, port]) => `127.${a}.0.${b}:${port}`);
const word = fc.constantFrom("ESTAB", "LISTEN", "10.0.0.1:2", "b", "");
const list = fc.array(fc.nat(3), { maxLength: 2 });
const absent = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 4 });
const kinds: fc.Arbitrary<Json>[] = [number, address, word, list, fc.boolean()];

/** Rows whose columns hold values of one kind each. */
const rows = fc
  .tuple(fc.constantFrom(...kinds), fc.constantFrom(...kinds))
  .chain(([one, other]) => fc.array(fc.tuple(absent(one), absent(other)), { maxLength: 300 }));

const expected = (values: readonly SortValues[], descending: boolean[]) =>
  Array.from(values, (_, row) => row).sort((a, b) => rowOrder(descending)(values[a]!, values[b]!) || a - b);

function columnsOf(values: readonly SortValues[], descending: boolean[]): SortColumns {
  const columns = new SortColumns(descending);
  for (const each of values) columns.add(each);
  return columns;
}

test("rows are in the order of their values", () => {
  fc.assert(
    fc.property(rows, fc.boolean(), fc.boolean(), (values, ...descending) => {
      expect([...columnsOf(values, descending).sorted()]).toEqual(expected(values, descending));
    }),
    { numRuns: 300 },
  );
});

test("many different addresses are in the order of the collator", () => {
  fc.assert(
    fc.property(
      fc.array(
        address.map((each) => [each]),
        { minLength: 1500, maxLength: 3000 },
      ),
      (values) => {
        expect([...columnsOf(values, [true]).sorted()]).toEqual(expected(values, [true]));
      },
    ),
    { numRuns: 5 },
  );
});

test("numbers that come before texts are sorted with them", () => {
  const values = [[10], [9], [undefined], ["a"], [100], ["ESTAB"]];
  expect([...columnsOf(values, [false]).sorted()]).toEqual(expected(values, [false]));
});

test("rows that are retained are the only ones, and others may follow", () => {
  fc.assert(
    fc.property(rows, rows, fc.nat(20), (values, more, most) => {
      const columns = columnsOf(values, [false, true]);
      const first = columns.sorted().subarray(0, most);
      const left = Array.from(first, (row) => values[row]!);
      columns.retain(first);
      expect(columns.count).toBe(left.length);
      const next = more.map(([one, other]) => (typeof one === typeof left[0]?.[0] ? [one, other] : []));
      for (const each of next) columns.add(each);
      const all = [...left, ...next];
      expect(columns.sorted().length).toBe(all.length);
      expect([...columns.sorted()].toSorted((a, b) => a - b)).toEqual(all.map((_, row) => row));
    }),
    { numRuns: 100 },
  );
});
