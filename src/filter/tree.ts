/** The syntax tree of a filter: plain data, and the walks that all who read it share. */
import type { AllOperands, Operands } from "./operands.ts";

/** How a predicate compares a fact with its operand. */
export type Relation = "=" | "!=" | ">=" | "<=" | ">" | "<";

/** A word of ss that begins a predicate. */
export type Keyword = keyof Operands;

/** A word that begins a predicate, be it one of ss or one of ours. */
export type AnyKeyword = keyof AllOperands;

/** One predicate: `dport >= 1024`. A keyword without operand (`autobound`) has relation `=` and operand undefined. */
export type Predicate<K extends AnyKeyword = AnyKeyword> = {
  [P in K]: {
    /** The keyword. */
    readonly kind: P;
    /** How the fact is compared. */
    readonly relation: Relation;
    /** What it is compared with. */
    readonly operand: AllOperands[P];
  };
}[K];

/** Two filters of which both (`and`) or at least one (`or`) must hold. */
export interface Join {
  /** Whether both must hold, or one. */
  readonly kind: "and" | "or";
  /** The first one. */
  readonly left: Filter;
  /** The second one. */
  readonly right: Filter;
}

/** A filter that must not hold. */
export interface Not {
  /** Tells it from other filters. */
  readonly kind: "not";
  /** What must not hold. */
  readonly filter: Filter;
}

/** A filter. Its depth is bounded by nothing but the length of what was typed, so nobody may recurse into it. */
export type Filter = Join | Not | Predicate;

/** Tells joins from other filters. */
export function isJoin(filter: Filter): filter is Join {
  return filter.kind === "and" || filter.kind === "or";
}

/** The predicates of a filter, from left to right. */
export function* predicatesOf(filter: Filter): Generator<Predicate> {
  const todo = [filter];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (isJoin(node)) todo.push(node.right, node.left);
    else if (node.kind === "not") todo.push(node.filter);
    else yield node;
  }
}

/** The same filter with each predicate replaced. */
export function mapPredicates(filter: Filter, replace: (predicate: Predicate) => Predicate): Filter {
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
