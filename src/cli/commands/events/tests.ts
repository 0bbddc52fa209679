/** Filters of events: which are shown, and which end the run. */
import { findContainers } from "../../../enrich/containers.ts";
import { once } from "../../../enrich/once.ts";
import type { Owner } from "../../../enrich/processes.ts";
import type { SocketEvent } from "../../../events/event.ts";
import type { Host } from "../../../host/host.ts";
import type { Predicate } from "../../../query/list.ts";
import type { FindOwners } from "../../../query/predicate.ts";

/** The owners that a filter sees: those of the current event. */
export interface EventHolders {
  readonly find: FindOwners;
  /** Sets the current event. */
  look(event: SocketEvent): void;
}

/** Makes the owners that a filter sees. @param root where procfs is mounted */
export function eventHolders({ files }: Host, root: string): EventHolders {
  const containers = once(() => findContainers(files, root));
  let owners: readonly Owner[] | undefined;
  const holders = {
    owners: () => owners,
    container() {
      for (const { pid } of owners ?? []) {
        const { container } = containers().byProcess(pid);
        if (container !== undefined) return container;
      }
      return undefined;
    },
  };
  return {
    find: () => holders,
    look(event) {
      owners = event.owners;
    },
  };
}

/** Whether an event matches. */
export type EventTest = (event: SocketEvent) => boolean;

/**
 * Makes a test of events from a filter.
 *
 * @param predicates the filter in each network namespace, by inode; others may be added later
 * @param states mask of the states to match; undefined for all
 * @param newOnly whether only the new state counts, and not the old one
 */
export function eventTest(
  predicates: ReadonlyMap<number | undefined, Predicate | undefined>,
  states: number | undefined,
  holders: EventHolders,
  newOnly: boolean,
): EventTest {
  const made = new WeakMap<Predicate, () => ReturnType<NonNullable<Predicate["withOwners"]>> | undefined>();
  const exactly = (predicate: Predicate) => {
    const exact = made.get(predicate) ?? once(() => predicate.withOwners?.([]));
    made.set(predicate, exact);
    return exact();
  };
  return (event) => {
    const { socket, oldState, newState, netns } = event;
    if (socket === undefined) return false;
    if (states !== undefined) {
      const leads = newState !== undefined && (states & (1 << newState)) !== 0;
      const comes = !newOnly && oldState !== undefined && (states & (1 << oldState)) !== 0;
      if (!leads && !comes) return false;
    }
    // The filter names an interface that does not exist in this namespace.
    if (!predicates.has(netns?.inode)) return false;
    const predicate = predicates.get(netns?.inode);
    if (predicate === undefined) return true;
    if (!predicate.accepts(socket)) return false;
    holders.look(event);
    return exactly(predicate)?.(socket) ?? true;
  };
}
