/**
 * Writes families as text: OpenMetrics 1.0, or Prometheus' own format 0.0.4.
 * openmetrics.io/spec; prometheus.io/docs/instrumenting/exposition_formats
 */
import type { FamilyRow, Point } from "./families.ts";
import type { Histogram } from "./histogram.ts";

/** The two formats. */
export type ExpositionFormat = "openmetrics" | "text";

/** The media types of the formats, as answers have them. */
export const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  text: "text/plain; version=0.0.4; charset=utf-8",
};

/** A family with its points. */
export interface Family {
  readonly name: string;
  readonly row: FamilyRow;
  readonly points: readonly Point[];
}

/** An exposition. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** A label value between its quotes. */
export function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/[\\"\n]/g, (character) => escapes[character]!) : value;
}

/** A number as both formats read it. */
export function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

/** A bound as label value: both formats get OpenMetrics' form (`1.0`), so that a series has one name in both. */
export function boundText(bound: number): string {
  const text = numberText(bound);
  return /^\d+$/.test(text) ? `${text}.0` : text;
}

/** Labels with their braces; nothing without labels. */
function labelsText(names: readonly string[], values: readonly string[], bound?: string): string {
  const pairs = names.map((name, index) => `${name}="${escapeLabel(values[index] ?? "")}"`);
  if (bound !== undefined) pairs.push(`le="${bound}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function* histogramLines(
  name: string,
  names: readonly string[],
  labels: readonly string[],
  { bounds, counts, count, sum }: Histogram,
): Generator<string> {
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    below += counts[index]!;
    yield `${name}_bucket${labelsText(names, labels, boundText(bound))} ${below}`;
  }
  yield `${name}_bucket${labelsText(names, labels, "+Inf")} ${count}`;
  yield `${name}_count${labelsText(names, labels)} ${count}`;
  yield `${name}_sum${labelsText(names, labels)} ${numberText(sum)}`;
}

/** What the names of samples end in, where they differ from the name of their family. */
const suffixes: Readonly<Partial<Record<FamilyRow["type"], string>>> = { counter: "_total", info: "_info" };

/** The names of the samples of a family. */
export function sampleNames(name: string, { type }: Pick<FamilyRow, "type">): readonly string[] {
  if (type === "histogram") return ["_bucket", "_count", "_sum"].map((suffix) => name + suffix);
  return [name + (suffixes[type] ?? "")];
}

function* headerLines({ name, row }: Family, format: ExpositionFormat): Generator<string> {
  const { type, unit, help } = row;
  if (format === "openmetrics") {
    yield `# TYPE ${name} ${type}`;
    if (unit !== undefined) yield `# UNIT ${name} ${unit}`;
    yield `# HELP ${name} ${help}.`;
    return;
  }
  // Here the family of a counter is named like its samples, and there is no type info.
  const family = name + (suffixes[type] ?? "");
  yield `# HELP ${family} ${help}.`;
  yield `# TYPE ${family} ${type === "info" ? "gauge" : type}`;
}

/** Writes families. A family without points is left out. */
export function writeExposition(families: readonly Family[], format: ExpositionFormat): Exposition {
  const lines: string[] = [];
  for (const family of families) {
    const { name, row, points } = family;
    if (points.length === 0) continue;
    lines.push(...headerLines(family, format));
    const sample = name + (suffixes[row.type] ?? "");
    for (const { labels, value } of points)
      if (typeof value === "number")
        lines.push(`${sample}${labelsText(row.labels, labels)} ${numberText(value)}`);
      else lines.push(...histogramLines(name, row.labels, labels, value));
  }
  if (format === "openmetrics") lines.push("# EOF");
  return { contentType: contentTypes[format], body: `${lines.join("\n")}\n` };
}
