/** The facts that a filter reads, and the request bits that make the kernel send them. */
import type { Details } from "../diag/family-dump.ts";
import { allPredicates } from "./predicates.ts";
import type { Fact } from "./subject.ts";
import { type Filter, type FilterKeyword, type FilterPredicate, predicatesOf } from "./tree.ts";

/** The request for each fact that the kernel sends only on request. */
const factDetails: Partial<Record<Fact, Details>> = {
  tcpInfo: { info: true },
  congestion: { info: true },
  tos: { tos: true },
  uid: { uid: true },
};

/** Facts that are not in the kernel's answer. They are looked up for the sockets that match without them. */
const lateFacts: ReadonlySet<Fact> = new Set<Fact>(["owners", "container"]);

function factsOf<K extends FilterKeyword>({ kind, operand }: FilterPredicate<K>): readonly Fact[] {
  return allPredicates[kind as K].facts(operand);
}

/** The facts that a filter reads. */
export function factsNeeded(filter: Filter): ReadonlySet<Fact> {
  const facts = new Set<Fact>();
  for (const predicate of predicatesOf(filter)) for (const fact of factsOf(predicate)) facts.add(fact);
  return facts;
}

/** The details to request from the kernel so that a filter can be evaluated. */
export function detailsNeeded(filter: Filter): Details {
  return Object.assign({}, ...Array.from(factsNeeded(filter), (fact) => factDetails[fact]));
}

/** Whether the kernel's answer is enough to evaluate a predicate. */
export function isEarly(predicate: FilterPredicate): boolean {
  return !factsOf(predicate).some((fact) => lateFacts.has(fact));
}
