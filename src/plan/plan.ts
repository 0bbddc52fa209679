/**
 * A plan: which sockets to list, and what to find out about them. The command line, the commands and the library all
 * make plans. A plan is independent of how it was typed.
 */
import type { FilterSource } from "../filter/source.ts";
import type { Demand, Demands } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";
import type { Sources } from "../procfs/source.ts";

/** Name of the column with the number of sockets in a group, in `--sort` and in headings. */
export const COUNT = "count";

/** A column to sort by. */
export interface SortKey {
  /** Name of the column, as the catalogue resolves it. */
  readonly name: string;
  /** Largest first. Sockets without a value always come last. */
  readonly descending: boolean;
}

/** The order of the sockets, and their maximum number. */
export interface Order {
  /** Sort keys, the most important first; empty for the kernel's order. */
  readonly sort: readonly SortKey[];
  /** Maximum number of rows. */
  readonly top?: number;
}

/** A plan. */
export interface Plan {
  /** Tables, families and states. The filter may narrow the families. */
  readonly selection: Selection;
  /** The filter as text; undefined for none. */
  readonly filter: FilterSource | undefined;
  /** Whether to list every network namespace of the host, not only our own. */
  readonly allNetns: boolean;
  /** Paths of /proc and of the files that replace netlink. */
  readonly sources: Sources;
  /** The details to find out about each socket, beyond what the kernel always sends. */
  readonly demands: Demands;
  /** Ids of the BPF maps to read with the demand `bpfStorages`; empty for all maps. */
  readonly bpfMapIds: readonly number[];
  /** Whether to look up names of ports and protocols. */
  readonly serviceNames: boolean;
  readonly order: Order;
  /** Whether to close each matching socket by force, and list only those that were closed. */
  readonly kill: boolean;
}

/** Whether a plan needs the owners of its sockets. */
export function wantsOwners({ demands }: Pick<Plan, "demands">): boolean {
  return demands.has("owners") || demands.has("containers");
}

/**
 * Whether all sockets must be collected before the first is shown, because host names or the other ends of TCP
 * connections are looked up for all of them at once. Otherwise the next datagram reuses the memory of the previous one.
 */
export function keepsSockets({ demands }: Pick<Plan, "demands">): boolean {
  return demands.has("hostNames") || demands.has("peers");
}

/** The demands that need the processes, control groups or other ends of sockets. */
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
  for (const demand of aboutProcesses) if (demands.has(demand)) return true;
  return false;
}
