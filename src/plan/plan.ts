/**
 * What is wanted of a host's sockets, whoever wants it: the command line, a command, the library. A plan knows nothing
 * of how it was typed.
 */
import type { FilterSource } from "../filter/source.ts";
import type { Demand, Demands } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";
import type { Sources } from "../procfs/source.ts";

/** The number of sockets in a group, as `--sort` and the heading call it. */
export const COUNT = "count";

/** A column to sort by. */
export interface SortKey {
  /** Name of the column, as the catalogue finds it. */
  readonly name: string;
  /** Largest first. Sockets without a value come last either way. */
  readonly descending: boolean;
}

/** The order of the sockets, and how many there are at most. */
export interface Order {
  /** The first key counts most; none for the kernel's order. */
  readonly sort: readonly SortKey[];
  /** How many rows at most. */
  readonly top?: number;
}

/** What is wanted. */
export interface Plan {
  /** Tables, families and states. The filter may narrow the families. */
  readonly selection: Selection;
  /** The filter as text; undefined for none. */
  readonly filter: FilterSource | undefined;
  /** Every network namespace of the host, or only our own. */
  readonly allNetns: boolean;
  /** Where /proc and the files in place of netlink are. */
  readonly sources: Sources;
  /** What is wanted of each socket beyond what the kernel always sends. */
  readonly demands: Demands;
  /** The BPF maps whose values are wanted with the demand `bpfStorages`; none for all maps. */
  readonly bpfMapIds: readonly number[];
  /** Names for ports and protocols in place of numbers. */
  readonly serviceNames: boolean;
  readonly order: Order;
  /** Close each socket by force, and list those that were closed. */
  readonly kill: boolean;
}

/** Whether owners are looked up for the sockets of a plan. */
export function wantsOwners({ demands }: Pick<Plan, "demands">): boolean {
  return demands.has("owners") || demands.has("containers");
}

/**
 * Whether all sockets must be there before the first can be shown: owners, host names and an order are found for all
 * of them together. Otherwise the memory of a datagram is used again for the next.
 */
export function keepsSockets(plan: Pick<Plan, "demands" | "order">): boolean {
  return wantsOwners(plan) || plan.demands.has("hostNames") || plan.order.sort.length > 0;
}

/** The demands that take the processes, control groups or other ends of sockets. */
const aboutProcesses: readonly Demand[] = [
  "owners",
  "threads",
  "processContext",
  "socketContext",
  "peerOwners",
  "peers",
  "peerNames",
  "containers",
];

/** Whether anything about the processes or other ends of sockets is looked up. */
export function wantsProcesses({ demands }: Pick<Plan, "demands">): boolean {
  return aboutProcesses.some((demand) => demands.has(demand));
}
