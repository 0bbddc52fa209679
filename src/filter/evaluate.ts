/**
 * Compiles filters to functions.
 *
 * A filter becomes a list of tests. Each test names the test that follows if it holds, and the one that follows if it
 * does not. So depth and length of a filter cannot exhaust the stack, and no socket costs an allocation.
 */

import type { FilterSubject } from "../families/filter-subject.ts";
import { allPredicates } from "./predicates.ts";
import { comparisons } from "./relations.ts";
import type { FactTest } from "./row.ts";
import type { Known } from "./subject.ts";
import { type Filter, type FilterKeyword, type FilterPredicate, isJoin } from "./tree.ts";

const ACCEPT = -1;
const REJECT = -2;

function compileTest<K extends FilterKeyword>(predicate: FilterPredicate<K>, known: Known): FactTest {
  const { comparison } = comparisons[predicate.relation];
  return allPredicates[predicate.kind].test(predicate.operand, comparison, known);
}

/** The next step: the index of a test, or a verdict; undefined: the test that was compiled last. */
type Target = number | undefined;

/**
 * Compiles a filter. A predicate does not hold if the socket does not have the fact, or if the fact is unknown.
 *
 * @throws TypeError if the filter has host names without addresses
 */
export function compileFilter(filter: Filter, known: Known): (subject: FilterSubject) => boolean {
  const tests: FactTest[] = [];
  const onTrue: number[] = [];
  const onFalse: number[] = [];
  const onAbsent: number[] = [];
  // From right to left: the test that follows is then the one that was compiled last.
  const todo: { node: Filter; yes: Target; no: Target }[] = [{ node: filter, yes: ACCEPT, no: REJECT }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { node, yes = tests.length - 1, no = tests.length - 1 } = next;
    if (isJoin(node)) {
      const left = node.kind === "and" ? { yes: undefined, no } : { yes, no: undefined };
      todo.push({ node: node.left, ...left }, { node: node.right, yes, no });
    } else if (node.kind === "not") {
      todo.push({ node: node.filter, yes: no, no: yes });
    } else {
      const { negated } = comparisons[node.relation];
      tests.push(compileTest(node, known));
      onTrue.push(negated ? no : yes);
      onFalse.push(negated ? yes : no);
      onAbsent.push(no);
    }
  }
  const first = tests.length - 1;
  return (subject) => {
    let at = first;
    while (at >= 0) {
      const held = tests[at]!(subject);
      at = (held === undefined ? onAbsent : held ? onTrue : onFalse)[at]!;
    }
    return at === ACCEPT;
  };
}
