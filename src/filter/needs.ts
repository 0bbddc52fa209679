/** What a filter reads of a socket, so that nothing else need be asked for. */
import type { Demand, Demands } from "../model/demand.ts";
import { demandSet } from "../model/demand.ts";
import { allPredicates } from "./predicates.ts";
import type { Fact } from "./subject.ts";
import { type AnyKeyword, type Filter, type Predicate, predicatesOf } from "./tree.ts";

/** What the kernel must be asked for so that it tells a fact; of others it always tells. */
const factDemands: Partial<Record<Fact, readonly Demand[]>> = {
  tcpInfo: ["info"],
  congestion: ["info"],
  tos: ["tos"],
  uid: ["uid"],
};

/** The facts that the kernel does not tell: they are looked up for the sockets that pass as far as it does. */
const lateFacts: ReadonlySet<Fact> = new Set<Fact>(["owners", "container"]);

function factsOf<K extends AnyKeyword>({ kind, operand }: Predicate<K>): readonly Fact[] {
  return allPredicates[kind as K].facts(operand);
}

/** The facts that a filter reads. */
export function factsNeeded(filter: Filter): ReadonlySet<Fact> {
  const facts = new Set<Fact>();
  for (const predicate of predicatesOf(filter)) for (const fact of factsOf(predicate)) facts.add(fact);
  return facts;
}

/** What the kernel must be asked for, beside what it always tells, so that a filter can be evaluated. */
export function demandsOf(filter: Filter): Demands {
  return demandSet(...Array.from(factsNeeded(filter), (fact) => factDemands[fact]));
}

/** Whether a predicate can be evaluated on the kernel's answer alone. */
export function isEarly(predicate: Predicate): boolean {
  return !factsOf(predicate).some((fact) => lateFacts.has(fact));
}
