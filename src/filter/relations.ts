/** Relations, and the three comparisons that implement them. */

/** How a predicate compares a fact with its operand. */
export type FilterRelation = "=" | "!=" | ">=" | "<=" | ">" | "<";

/** A comparison. Each relation is one of these or its negation. */
export type Comparison = "equal" | "atLeast" | "atMost";

/** The comparison of each relation, and whether the relation negates it. */
export const comparisons: Readonly<Record<FilterRelation, { comparison: Comparison; negated: boolean }>> = {
  "=": { comparison: "equal", negated: false },
  "!=": { comparison: "equal", negated: true },
  ">=": { comparison: "atLeast", negated: false },
  "<": { comparison: "atLeast", negated: true },
  "<=": { comparison: "atMost", negated: false },
  ">": { comparison: "atMost", negated: true },
};

/** The relation of each spelling. */
export const relationWords: Readonly<Record<string, FilterRelation>> = {
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
