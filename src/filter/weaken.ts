/** Filters made weaker, for who cannot judge all of their predicates. */
import { type Filter, isJoin, type Predicate } from "./tree.ts";

/**
 * The strongest filter of some predicates alone that every socket passes which passes the whole: what is not known
 * counts as fulfilled.
 *
 * @param judges whether a predicate is among those
 * @returns undefined if every socket would pass it
 */
export function weaken(filter: Filter, judges: (predicate: Predicate) => boolean): Filter | undefined {
  const topDown: { node: Filter; negative: boolean }[] = [];
  const todo = [{ node: filter, negative: false }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    topDown.push(next);
    const { node, negative } = next;
    if (isJoin(node)) todo.push({ node: node.left, negative }, { node: node.right, negative });
    else if (node.kind === "not") todo.push({ node: node.filter, negative: !negative });
  }
  // Below a negation the weakest of all that implies the part takes its place: undefined is what never holds.
  const done: (Filter | undefined)[] = [];
  for (const { node, negative } of topDown.reverse()) {
    if (isJoin(node)) {
      const right = done.pop();
      const left = done.pop();
      const oneWillDo = node.kind === (negative ? "or" : "and");
      if (left !== undefined && right !== undefined) done.push({ kind: node.kind, left, right });
      else done.push(oneWillDo ? (left ?? right) : undefined);
    } else if (node.kind === "not") {
      const inner = done.pop();
      done.push(inner && { kind: "not", filter: inner });
    } else {
      done.push(judges(node) ? node : undefined);
    }
  }
  return done.pop();
}
