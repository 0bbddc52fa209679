/**
 * Filters as predicates on sockets.
 *
 * A filter becomes a list of tests, each with the two tests to go on with; so neither its depth nor its length
 * can exhaust the stack, and nothing is allocated for a socket.
 */
import { allPredicates } from "./predicates.ts";
import { comparisons } from "./relations.ts";
import type { FactTest } from "./row.ts";
import type { FilterSubject, Known } from "./subject.ts";
import { type AnyKeyword, type Filter, isJoin, type Predicate } from "./tree.ts";

const ACCEPT = -1;
const REJECT = -2;

function compileTest<K extends AnyKeyword>(predicate: Predicate<K>, known: Known): FactTest {
  const { comparison } = comparisons[predicate.relation];
  return allPredicates[predicate.kind].test(predicate.operand, comparison, known);
}

/** Where to go on: a test's number or a verdict; undefined: the test compiled last. */
type Target = number | undefined;

/**
 * Compiles a filter. A predicate on what a socket does not have, or what is not known, does not hold.
 *
 * @throws TypeError if the filter has host names that were not resolved
 */
export function compilePredicate(filter: Filter, known: Known): (subject: FilterSubject) => boolean {
  const tests: FactTest[] = [];
  const onTrue: number[] = [];
  const onFalse: number[] = [];
  const onAbsent: number[] = [];
  // From right to left, so that a test knows where the one after it begins: it is the one compiled last.
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
