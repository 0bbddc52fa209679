/** The facts that a filter reads, and the demands that make the kernel send them. */
import type { Demand, Demands } from "../model/demand.ts";
import { demandSet } from "../model/demand.ts";
import { allPredicates } from "./predicates.ts";
import type { Fact } from "./subject.ts";
import { type Filter, type FilterKeyword, type FilterPredicate, predicatesOf } from "./tree.ts";

/** The demands of each fact that the kernel sends only on request. */
const factDemands: Partial<Record<Fact, readonly Demand[]>> = {
  tcpInfo: ["info"],
  congestion: ["info"],
  tos: ["tos"],
  uid: ["uid"],
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

/** The demands that make the kernel send what a filter reads. */
export function demandsOf(filter: Filter): Demands {
  return demandSet(...Array.from(factsNeeded(filter), (fact) => factDemands[fact]));
}

/** Whether the kernel's answer is enough to evaluate a predicate. */
export function isEarly(predicate: FilterPredicate): boolean {
  return !factsOf(predicate).some((fact) => lateFacts.has(fact));
}
