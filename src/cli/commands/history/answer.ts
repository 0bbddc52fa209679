/** Writes the answers that are no listings: lines of text, or one object of JSON with its coverage. */
import { escapeText } from "../../../bytes/terminal.ts";
import type { Json } from "../../../model/json.ts";
import { JsonWriter } from "../../../output/json.ts";
import type { StoreCoverage } from "../../../store/reader.ts";
import type { Task } from "../command.ts";
import { coverageObject } from "./coverage.ts";
import type { HistorySettings } from "./settings.ts";

const encoder = new TextEncoder();

/** Writes lines of text. What strangers wrote cannot reach the terminal. */
export function writeLines({ world }: Task<HistorySettings>, lines: readonly string[]): void {
  world.stdout.write(encoder.encode(lines.map((line) => `${escapeText(line)}\n`).join("")));
}

/** Writes one object. @param coverage what it ends with; undefined if it is that itself */
export function writeObject(
  { world }: Task<HistorySettings>,
  object: { readonly [key: string]: Json },
  coverage?: StoreCoverage,
): void {
  const json = new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
  json.write(coverage === undefined ? object : { ...object, coverage: coverageObject(coverage) });
  json.end();
}

/** Rows as lines whose columns stand below each other. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, index) => Math.max(cell.length, most[index] ?? 0)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index]!))
      .join("  ")
      .trimEnd(),
  );
}
