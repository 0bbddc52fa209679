/** Writes filters as text: the inverse of the parser. */
import { allPredicates } from "./predicates.ts";
import { type Filter, type FilterKeyword, type FilterPredicate, isJoin } from "./tree.ts";
import type { Writing } from "./writing.ts";

function formatPredicate<K extends FilterKeyword>(predicate: FilterPredicate<K>, writing: Writing): string {
  const { kind, relation, operand } = predicate;
  const row = allPredicates[kind as K].operand;
  return row === undefined ? kind : `${kind} ${relation} ${row.write(operand, writing)}`;
}

/**
 * Writes a filter so that parsing it as one argument gives an equal one. Numbers stand for services, interfaces
 * and protocols; a host name stays a name.
 *
 * @param preferred the AF_* that the reader will prefer
 */
export function formatFilter(filter: Filter, preferred?: number): string {
  const writing: Writing = { preferred };
  const words: string[] = [];
  const todo: (Filter | string)[] = [filter];
  /** An operand of `not`, or the right one of a join, needs parentheses if it is a join itself. */
  const grouped = (node: Filter) => (isJoin(node) ? [")", node, "("] : [node]);
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (typeof next === "string") words.push(next);
    else if (isJoin(next)) todo.push(...grouped(next.right), next.kind, next.left);
    else if (next.kind === "not") todo.push(...grouped(next.filter), "not");
    else words.push(formatPredicate(next, writing));
  }
  return words.join(" ");
}
