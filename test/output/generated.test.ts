/** The generated files in docs/ are up to date with their tables. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generated } from "../../scripts/generate.ts";
import { columnsByKind } from "../../src/catalogue/describe.ts";
import type { Column } from "../../src/fields/column.ts";
import { noNames } from "../../src/fields/names.ts";
import { ssSpelling } from "../../src/output/spelling.ts";
import { fixtureNames, readCases } from "../golden/cases.ts";
import { expected } from "../golden/replay.ts";

const root = join(import.meta.dirname, "../..");

test.each(Object.entries(generated))("%s is up to date: bun scripts/generate.ts", (path, make) => {
  expect(readFileSync(join(root, path), "utf8")).toBe(make());
});

test("every label in the tables appears in ss's output", () => {
  const texts = fixtureNames().flatMap((fixture) =>
    readCases(fixture).map((golden) => expected(golden).stdout),
  );
  const all = texts.join("\n");
  const columns = Object.values(columnsByKind(noNames)).flat() as readonly Column<never>[];
  const spellings = new Set(columns.flatMap((column) => ssSpelling(column) ?? []));
  expect([...spellings].filter((spelling) => !all.includes(spelling))).toEqual([]);
  expect(spellings.size).toBeGreaterThan(150);
});
