/** Flows of UDP datagrams, made from the kernel's route lookups and conntrack's messages: sockets do not show them. */

import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { AF_INET6 } from "../model/family.ts";
import type { ConntrackFlow } from "./conntrack-decode.ts";
import type { SocketEvent } from "./event.ts";
import { bareSocket, tupleKey } from "./socket-message.ts";
import type { TraceRecord } from "./trace-record.ts";
import type { PlaceNumber } from "./tracked.ts";

/** A route lookup after so long a pause begins a new flow, as in conntrack. */
const IDLE_MS = 30_000;
/** Flows to remember. Beyond it, those of route lookups are forgotten sooner, and those of conntrack altogether. */
const MOST_FLOWS = 100_000;
const CROWDED_IDLE_MS = 1000;
/** How long a flow of a process that is gone waits for the end of its socket. */
const PLACE_WAIT_MS = 2000;
/** LOOPBACK_IFINDEX: the input interface of packets that this host sends. */
const OWN_INTERFACE = 1;
/** A flow has no state. */
const NO_STATE = 0;

/** A route lookup whose network namespace is unknown, as its process is gone. */
interface UnplacedRoute {
  readonly record: TraceRecord;
  readonly timeMs: number;
  readonly owners: readonly Owner[] | undefined;
  readonly origin: (place: PlaceNumber) => Origin;
}

/** The flows that were seen, so that each is reported once. */
export class UdpFlows {
  readonly #emit: (event: SocketEvent) => void;
  #unplaced: UnplacedRoute[] = [];
  /** When a thread last looked up the route of a flow. */
  readonly #seenMs = new Map<string, number>();
  /** When any thread last did. */
  readonly #routedMs = new Map<string, number>();
  /** The last sender from a port. */
  readonly #owners = new Map<number, readonly Owner[]>();
  /** When conntrack's flows began. */
  readonly #begunMs = new Map<string, number>();

  /** @param emit takes the events */
  constructor(emit: (event: SocketEvent) => void) {
    this.#emit = emit;
  }

  /** Whether a process that sends made a route lookup, and not a forwarded packet. */
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
    this.#report({ timeMs, kind: "flow", source: "fib", socket, owners });
  }

  /** Takes a route lookup of a process that is gone. The end of its socket has its place. */
  routedSomewhere(
    record: TraceRecord,
    timeMs: number,
    owners: readonly Owner[] | undefined,
    origin: (place: PlaceNumber) => Origin,
  ): void {
    if (this.#unplaced.length >= MOST_FLOWS) this.#unplaced = [];
    this.#unplaced.push({ record: { ...record, bytes: record.bytes.slice() }, timeMs, owners, origin });
  }

  /** Reports the flows from a port whose socket has ended in a place. */
  socketEnded(place: PlaceNumber, sport: number): void {
    if (this.#unplaced.length === 0) return;
    const found = this.#unplaced.filter(({ record }) => record.sport === sport);
    if (found.length === 0) return;
    this.#unplaced = this.#unplaced.filter(({ record }) => record.sport !== sport);
    for (const { record, timeMs, owners, origin } of found)
      this.routed(record, timeMs, owners, { place, origin: origin(place) });
  }

  /** Drops route lookups that have waited too long for a place. @param nowMs milliseconds since 1970 */
  forgetUnplaced(nowMs: number): void {
    if (this.#unplaced.length === 0) return;
    this.#unplaced = this.#unplaced.filter(({ timeMs }) => nowMs - timeMs < PLACE_WAIT_MS);
  }

  /** The last sender from a port. @param ends whether the socket ends, so that the port is free */
  ownersOf(place: PlaceNumber, sport: number, ends: boolean): readonly Owner[] | undefined {
    const key = portKey(place, sport);
    const owners = this.#owners.get(key);
    if (ends) this.#owners.delete(key);
    return owners;
  }

  /** Takes the beginning or the end of a flow in conntrack. */
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
      // The route lookup of its first datagram has reported it already.
      const routedMs = this.#routedMs.get(flowKey(place, socket));
      if (routedMs === undefined || timeMs - routedMs >= IDLE_MS)
        this.#report({ timeMs, kind: "flow", source: "conntrack", socket, owners });
      return;
    }
    const begunMs = this.#begunMs.get(key);
    this.#begunMs.delete(key);
    this.#report({
      timeMs,
      kind: "flow-end",
      source: "conntrack",
      socket,
      owners,
      durationMs: begunMs === undefined ? undefined : timeMs - begunMs,
      counters: flow.counters,
    });
  }

  /** The time of day was set forward by so many milliseconds: durations stay what they are. */
  shiftTimes(ms: number): void {
    for (const times of [this.#seenMs, this.#routedMs, this.#begunMs])
      for (const [key, timeMs] of times) times.set(key, timeMs + ms);
    this.#unplaced = this.#unplaced.map((route) => ({ ...route, timeMs: route.timeMs + ms }));
  }

  #report(event: SocketEvent & { readonly socket: InetSocket }): void {
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

/** Identifies a port of a place. */
function portKey(place: PlaceNumber, sport: number): number {
  return place * 0x1_0000 + sport;
}

/** Identifies a flow by place, ports and peer: the local address is not chosen yet when its first route is looked up. */
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
