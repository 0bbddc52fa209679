/** Flows of UDP datagrams, of which no socket tells: what the kernel's route lookups and conntrack say of them. */

import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { AF_INET6 } from "../model/family.ts";
import type { ConntrackFlow } from "./conntrack.ts";
import type { SocketEvent } from "./event.ts";
import { bareSocket, tupleKey } from "./message.ts";
import type { TraceRecord } from "./trace-record.ts";
import type { PlaceNumber } from "./tracked.ts";

/** A flow that nobody has looked up a route for that long is a new one when somebody does: conntrack's own limit. */
const IDLE_MS = 30_000;
/** Flows that are remembered; beyond that, those of route lookups are forgotten sooner, and those of conntrack at all. */
const MOST_FLOWS = 100_000;
const CROWDED_IDLE_MS = 1000;
/** LOOPBACK_IFINDEX: what a packet that goes out is said to have come in by. */
const OWN_INTERFACE = 1;
/** The state of a UDP socket without peer, and that of a flow: none. */
const NO_STATE = 0;

/** Flows that were told, so that each is told once. */
export class UdpFlows {
  readonly #emit: (event: SocketEvent) => void;
  /** When a thread was last seen to look up the route of a flow. */
  readonly #seenMs = new Map<string, number>();
  /** The same of any thread. */
  readonly #routedMs = new Map<string, number>();
  /** Who has last sent from a port. */
  readonly #owners = new Map<number, readonly Owner[]>();
  /** When conntrack's flows began. */
  readonly #begunMs = new Map<string, number>();

  /** @param emit takes the events */
  constructor(emit: (event: SocketEvent) => void) {
    this.#emit = emit;
  }

  /** Whether a route lookup is that of a process which sends, and not one for a packet on its way through. */
  static isOwn({ interrupted, inputInterface, dport }: TraceRecord): boolean {
    return !interrupted && inputInterface <= OWN_INTERFACE && dport !== 0;
  }

  /** Takes a route lookup of a process. */
  routed(
    record: TraceRecord,
    timeMs: number,
    owners: readonly Owner[] | undefined,
    { place, origin }: { readonly place: PlaceNumber; readonly origin: Origin },
  ): void {
    const socket = bareSocket(record, NO_STATE, origin);
    if (owners !== undefined && record.sport !== 0) this.#owners.set(portKey(place, record.sport), owners);
    const flow = flowKey(place, socket);
    this.#routedMs.delete(flow);
    this.#routedMs.set(flow, timeMs);
    const key = `${record.tid}${flow}`;
    const seenMs = this.#seenMs.get(key);
    this.#seenMs.delete(key);
    this.#seenMs.set(key, timeMs);
    this.#forgetIdle(timeMs);
    if (seenMs !== undefined && timeMs - seenMs < IDLE_MS) return;
    this.#tell({ timeMs, kind: "flow", source: "fib", socket, owners });
  }

  /** Who has last sent from a port. @param ends whether its socket ends, so that the port may become another's */
  ownersOf(place: PlaceNumber, sport: number, ends: boolean): readonly Owner[] | undefined {
    const key = portKey(place, sport);
    const owners = this.#owners.get(key);
    if (ends) this.#owners.delete(key);
    return owners;
  }

  /** Takes a flow that conntrack tells of. */
  tracked(
    flow: ConntrackFlow,
    timeMs: number,
    owners: readonly Owner[] | undefined,
    { place, origin }: { readonly place: PlaceNumber; readonly origin: Origin },
  ): void {
    const socket = bareSocket(flow, NO_STATE, origin);
    const key = `${flow.id}${tupleKey(socket)}`;
    if (flow.begins) {
      if (this.#begunMs.size >= MOST_FLOWS) this.#begunMs.clear();
      this.#begunMs.set(key, timeMs);
      // The route lookup that its first datagram made has told it already.
      const routedMs = this.#routedMs.get(flowKey(place, socket));
      if (routedMs === undefined || timeMs - routedMs >= IDLE_MS)
        this.#tell({ timeMs, kind: "flow", source: "conntrack", socket, owners });
      return;
    }
    const begunMs = this.#begunMs.get(key);
    this.#begunMs.delete(key);
    this.#tell({
      timeMs,
      kind: "flow-end",
      source: "conntrack",
      socket,
      owners,
      durationMs: begunMs === undefined ? undefined : timeMs - begunMs,
      counters: flow.counters,
    });
  }

  #tell(event: SocketEvent & { readonly socket: InetSocket }): void {
    const { netns } = event.socket.origin;
    this.#emit({ ...event, netns });
  }

  #forgetIdle(nowMs: number): void {
    for (const times of [this.#seenMs, this.#routedMs]) {
      const limit = times.size > MOST_FLOWS ? CROWDED_IDLE_MS : IDLE_MS;
      for (const [key, seenMs] of times) {
        if (nowMs - seenMs < limit) break;
        times.delete(key);
      }
    }
  }
}

/** A port of a place as a number. */
function portKey(place: PlaceNumber, sport: number): number {
  return place * 0x1_0000 + sport;
}

/** What tells flows apart that route lookups are made for: the local address is chosen only by the first of them. */
function flowKey(
  place: PlaceNumber,
  { data, destinationOffset, sport, dport, familyNumber }: InetSocket,
): string {
  const words = familyNumber === AF_INET6 ? 8 : 2;
  let key = String.fromCharCode(place, familyNumber, sport, dport);
  for (let word = 0; word < words; word++)
    key += String.fromCharCode(data.getUint16(destinationOffset + word * 2));
  return key;
}
