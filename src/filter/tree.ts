/** The syntax tree of a filter, and functions that walk it. */
import type { FactOperands } from "./facts.ts";
import type { SsOperands } from "./operands.ts";
import type { FilterRelation } from "./relations.ts";

/** The operand of each keyword: ss's keywords and Sockscope's own. */
export interface FilterOperands extends SsOperands, FactOperands {}

/** A keyword of ss. */
export type SsKeyword = keyof SsOperands;

/** A keyword of ss or of Sockscope. */
export type FilterKeyword = keyof FilterOperands;

/** One predicate: `dport >= 1024`. A keyword without operand (`autobound`) has relation `=` and operand undefined. */
export type FilterPredicate<K extends FilterKeyword = FilterKeyword> = {
  [P in K]: {
    /** The keyword. */
    readonly kind: P;
    /** The comparison. */
    readonly relation: FilterRelation;
    /** The operand. */
    readonly operand: FilterOperands[P];
  };
}[K];

/** Two filters: both must match (`and`), or at least one (`or`). */
export interface FilterJoin {
  /** Whether both must match, or one. */
  readonly kind: "and" | "or";
  /** The left filter. */
  readonly left: Filter;
  /** The right filter. */
  readonly right: Filter;
}

/** A negated filter. */
export interface FilterNot {
  /** The discriminant. */
  readonly kind: "not";
  /** The filter that must not match. */
  readonly filter: Filter;
}

/** A filter. Only the length of the text bounds its depth, so functions must not recurse into it. */
export type Filter = FilterJoin | FilterNot | FilterPredicate;

/** Whether a filter is an `and` or an `or`. */
export function isJoin(filter: Filter): filter is FilterJoin {
  return filter.kind === "and" || filter.kind === "or";
}

/** The predicates of a filter, from left to right. */
export function* predicatesOf(filter: Filter): Generator<FilterPredicate> {
  const todo = [filter];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (isJoin(node)) todo.push(node.right, node.left);
    else if (node.kind === "not") todo.push(node.filter);
    else yield node;
  }
}

/** Copies a filter and replaces each predicate. */
export function mapPredicates(
  filter: Filter,
  replace: (predicate: FilterPredicate) => FilterPredicate,
): Filter {
  const topDown: Filter[] = [];
  const todo = [filter];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    topDown.push(node);
    if (isJoin(node)) todo.push(node.left, node.right);
    else if (node.kind === "not") todo.push(node.filter);
  }
  const done: Filter[] = [];
  for (const node of topDown.reverse()) {
    if (isJoin(node)) {
      const right = done.pop()!;
      const left = done.pop()!;
      done.push({ kind: node.kind, left, right });
    } else if (node.kind === "not") {
      done.push({ kind: "not", filter: done.pop()! });
    } else {
      done.push(replace(node));
    }
  }
  return done.pop()!;
}
