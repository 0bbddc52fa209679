/** Filters events that other hosts have sent: by what is in an event, and by nothing that only the host knows. */
import type { SocketEvent } from "../../events/event.ts";
import { allFamilies } from "../../families/all.ts";
import { factsNeeded } from "../../filter/needs.ts";
import { readFilter } from "../../filter/resolve.ts";
import type { Fact } from "../../filter/subject.ts";
import type { Host } from "../../host/host.ts";
import { filterLookups } from "../../lookup/filter-lookups.ts";
import { IPPROTO_UDP } from "../../model/family.ts";
import { predicateOf } from "../../query/predicate.ts";
import { type Chosen, isEmpty } from "../commands/events/chosen.ts";
import { type EventTest, eventHolders, eventTest } from "../commands/events/tests.ts";

/** Facts that an event does not have, or that mean something on its host only. */
const absent: Partial<Record<Fact, string>> = {
  interfaceIndex: "interfaces",
  cgroupId: "paths of control groups",
  portRange: "the range of local ports",
  congestion: "the congestion control",
  tos: "the type of service",
  queue: "queues",
  timer: "timers",
  container: "containers",
};

/** A filter that events of a fleet cannot answer. The message is whole. */
export class EventFilterError extends Error {
  override readonly name = "EventFilterError";
  /** Distinguishes this error from others. */
  readonly code = "eventFilter";
}

/**
 * Makes a test of events.
 *
 * @param newOnly whether only the new state counts, and not the old one
 * @throws FilterError for a filter that is wrong, EventFilterError for one about facts that events do not have
 */
export async function remoteEventTest(
  host: Host,
  { selection, words, states }: Chosen,
  newOnly: boolean,
): Promise<EventTest> {
  const { tables, families, preferred } = selection;
  const holders = eventHolders(host, "/proc");
  let inFilter = families;
  let predicate: ReturnType<typeof predicateOf> | undefined;
  if (!isEmpty(words)) {
    const lookups = { ...filterLookups(host), interfaceIndex: () => 1, cgroupId: () => 1n };
    const { filter, family } = await readFilter(words, { tables, preferred, lookups }, host.resolver);
    if (family !== undefined) inFilter = new Set([family]);
    const missing = filter && [...factsNeeded(filter)].find((fact) => absent[fact] !== undefined);
    if (missing !== undefined)
      throw new EventFilterError(`events of other hosts do not have ${absent[missing]}`);
    predicate = filter && predicateOf(filter, allFamilies, () => [0, 0], holders.find);
  }
  const matches = eventTest(new Map([[undefined, predicate]]), states, holders, newOnly);
  return (event: SocketEvent) => {
    const { socket } = event;
    if (socket === undefined || !inFilter.has(socket.familyNumber)) return false;
    if (!tables.has(socket.origin.protocol === IPPROTO_UDP ? "udp" : "tcp")) return false;
    // The filter is the same for all network namespaces of all hosts.
    return matches({ ...event, netns: undefined });
  };
}
