/**
 * The row of a fact: what a layout says of a field of a kernel struct, and what the interpreters need beyond that. The
 * filter, `--explain`, `top` and the columns all read this one row.
 */
import type { Field } from "../bytes/layout.ts";

/**
 * How a number behaves over time. A counter only grows (its change per second is a rate), a gauge goes up and down,
 * and an identity names something, so that arithmetic on it means nothing.
 */
export type Metric = "counter" | "gauge" | "identity";

/** The headings under which `--explain` lists facts, in its order. */
export const headings = [
  "Round trip",
  "Windows",
  "Rates",
  "Loss",
  "Queues",
  "Traffic",
  "Limits",
  "Timers",
  "Options",
] as const;

/** A heading of `--explain`. */
export type Heading = (typeof headings)[number];

/** What the interpreters need to know about a fact, whether it is a field of a kernel struct or not. */
export interface FactProperties {
  /** How the number behaves over time; absent for flags, codes and words. */
  readonly metric?: Metric;
  /** The word of the filter that compares it. */
  readonly filter?: string;
  /** Where `--explain` shows it: a heading, and the place below it. */
  readonly group?: readonly [heading: Heading, place: number];
}

/** A field of a kernel struct as a fact. */
export interface FactField extends Field, FactProperties {
  /** A value of 0 says that nothing was measured yet. */
  readonly zero?: "unmeasured";
  /** What the kernel keeps in the field of a listening socket, if that is something else. */
  readonly listener?: string;
  /** Time since an event. Before the first such event the kernel counts from when the host started. */
  readonly age?: true;
}

/** A kernel struct as a table of facts: field name to its row. */
export type FactLayout = Readonly<Record<string, FactField>>;
