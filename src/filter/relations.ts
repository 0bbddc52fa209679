/** Relations, and the three comparisons that they all come down to. */
import type { Relation } from "./tree.ts";

/** What a predicate can test; the other relations are the opposite of one of these. */
export type Comparison = "equal" | "atLeast" | "atMost";

/** Each relation as a comparison, or the opposite of one. */
export const comparisons: Readonly<Record<Relation, { comparison: Comparison; negated: boolean }>> = {
  "=": { comparison: "equal", negated: false },
  "!=": { comparison: "equal", negated: true },
  ">=": { comparison: "atLeast", negated: false },
  "<": { comparison: "atLeast", negated: true },
  "<=": { comparison: "atMost", negated: false },
  ">": { comparison: "atMost", negated: true },
};

/** Each spelling of a relation. */
export const relationWords: Readonly<Record<string, Relation>> = {
  "=": "=",
  "==": "=",
  eq: "=",
  "!=": "!=",
  ne: "!=",
  neq: "!=",
  ">=": ">=",
  ge: ">=",
  geq: ">=",
  "<=": "<=",
  le: "<=",
  leq: "<=",
  ">": ">",
  gt: ">",
  "<": "<",
  lt: "<",
};
