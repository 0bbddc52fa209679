/** Relaxes filters: the kernel, and the first pass over sockets, can evaluate only some predicates. */
import { type Filter, type FilterPredicate, isJoin } from "./tree.ts";

/**
 * Relaxes a filter: keeps only the predicates that `judges` accepts, so that the result matches every socket that the
 * whole filter matches.
 *
 * @returns undefined if the relaxed filter would match every socket
 */
export function relax(filter: Filter, judges: (predicate: FilterPredicate) => boolean): Filter | undefined {
  const topDown: { node: Filter; negative: boolean }[] = [];
  const todo = [{ node: filter, negative: false }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    topDown.push(next);
    const { node, negative } = next;
    if (isJoin(node)) todo.push({ node: node.left, negative }, { node: node.right, negative });
    else if (node.kind === "not") todo.push({ node: node.filter, negative: !negative });
  }
  // Under a negation each part is tightened instead, and undefined stands for a filter that matches nothing.
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
