/** Following sockets: round by round, what all sources have to tell. */

import { describeBare } from "../catalogue/describe.ts";
import type { Origin } from "../diag/message.ts";
import { once } from "../enrich/once.ts";
import type { Owner } from "../enrich/processes.ts";
import { destroyedSockets, destroyGroups } from "../families/inet/destroyed.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import type { Demands } from "../model/demand.ts";
import { IPPROTO_UDP } from "../model/family.ts";
import type { Selection } from "../model/selection.ts";
import { NETLINK_NETFILTER, NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import type { NetlinkSocket } from "../netlink/transport.ts";
import type { Problem } from "../query/query.ts";
import { monotonicNs, TraceClock } from "./clock.ts";
import { CONNTRACK_GROUPS, type ConntrackFlow, conntrackFlows } from "./conntrack.ts";
import type { EventSource, SocketEvent } from "./event.ts";
import { findSocket } from "./find.ts";
import { UdpFlows } from "./flows.ts";
import { EventJoin } from "./join.ts";
import { keptSocket } from "./message.ts";
import { joinGroups, type Multicast } from "./multicast.ts";
import { OwnerCache } from "./owners.ts";
import { type Made, newInodes, Polling } from "./polling.ts";
import { tracedBy } from "./sources.ts";
import type { TraceEventName, TraceRecord } from "./trace-record.ts";
import { planTrace, startTrace, type TraceSource } from "./trace-source.ts";
import { ELSEWHERE, type PlaceNumber, UNPLACED } from "./tracked.ts";

/** A network namespace to follow the sockets of. */
export interface FollowedPlace {
  /** The host as it looks from within; its transport does not wait. */
  readonly host: Host;
  readonly netns: Netns | undefined;
  /** Inode of the namespace, if it is known. */
  readonly inode: number | undefined;
  /** The filter as the kernel takes it. */
  readonly bytecode: Uint8Array | undefined;
  /** Whether a socket may pass the filter, so that it is worth to be looked for. */
  mayPass(socket: InetSocket): boolean;
}

/** What to follow, and how. */
export interface FollowOptions {
  readonly places: readonly FollowedPlace[];
  readonly selection: Selection;
  readonly sources: ReadonlySet<EventSource>;
  /** What the filter reads of sockets beyond what is always told. */
  readonly demands: Demands;
  /** Where /proc is. */
  readonly root: string;
  /** Between two listings, in milliseconds; undefined: what the sources need. */
  readonly intervalMs: number | undefined;
  /** Memory of the trace for each processor, in kilobytes. */
  readonly traceBufferKb: number | undefined;
  /** Takes the events. */
  emit(event: SocketEvent): void;
  /** Takes what goes wrong with a listing. */
  readonly report: (problem: Problem) => void;
}

/** Datagrams of one multicast socket in a round, and sockets that are looked for by themselves. */
const DATAGRAMS_A_ROUND = 8192;
const FINDS_A_ROUND = 64;
/** How long a flow of a process that is gone waits for the end of its socket. */
const ROUTE_WAIT_MS = 2000;
/** Time between two looks at what the trace has lost. */
const LOSS_INTERVAL_MS = 500;

/** An end that was told of, until the trace is read up to it. */
interface Ended {
  readonly place: PlaceNumber;
  readonly socket: InetSocket;
  readonly timeMs: number;
  /** The same in the clock of the trace. */
  readonly ns: number;
}

/** A route lookup of a process that is gone. */
interface Route {
  readonly record: TraceRecord;
  readonly owners: readonly Owner[] | undefined;
  readonly timeMs: number;
}

/** A place while it is followed. */
interface Followed extends FollowedPlace {
  readonly number: PlaceNumber;
  readonly destroy: Multicast | undefined;
  readonly conntrack: Multicast | undefined;
  conversation: NetlinkSocket | undefined;
}

/** Follows sockets until it is closed. */
export class Follower implements Disposable {
  readonly #options: FollowOptions;
  readonly #clock = new TraceClock();
  readonly #trace: TraceSource | undefined;
  readonly #places: Followed[] = [];
  readonly #owners: OwnerCache;
  readonly #join: EventJoin;
  readonly #polling: Polling;
  readonly #flows: UdpFlows;
  readonly #origins = new Map<number, Origin>();
  #ended: Ended[] = [];
  #listed: Made[] = [];
  #routes: Route[] = [];
  /** The places by the inodes of their namespaces. */
  readonly #numbers: ReadonlyMap<number | undefined, PlaceNumber>;
  /** Up to when the trace was read. */
  #readNs = 0;
  /** Up to when all else was taken. */
  #drainedNs = 0;
  #nextLossMs = 0;

  /** @throws an Error that says what cannot be done, NetlinkError */
  constructor(options: FollowOptions) {
    this.#options = options;
    const { sources, places, root } = options;
    const [first] = places;
    const traced: TraceEventName[] = [];
    if (sources.has("tracefs")) traced.push(...tracedBy.tracefs);
    if (sources.has("fib")) traced.push(...tracedBy.fib);
    if (traced.length > 0) {
      const plan = planTrace(traced);
      if ("obstacle" in plan) throw new Error(`Cannot trace: ${plan.obstacle}`);
      const processors = first!.host.files
        .list("/sys/devices/system/cpu")
        .filter((name) => /^cpu\d+$/.test(name));
      this.#trace = startTrace(first!.host.files, plan, processors.length, options.traceBufferKb);
    }
    try {
      for (const [number, place] of places.entries()) this.#places.push(this.#follow(place, number));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    this.#owners = new OwnerCache(first!.host.files, root, this.#trace?.gone);
    this.#numbers = new Map(places.map(({ inode }, number) => [inode, number]));
    this.#join = new EventJoin({
      emit: (event) => this.#emit(event),
      origin: (place, protocol) => this.#origin(place, protocol),
      ownersOf: (inode) => this.#owners.owners(inode),
      ownersByThread: (tid) => this.#owners.byThread(tid),
      placeOfThread: (tid) => {
        const inode = this.#owners.netns(tid);
        return inode === undefined ? UNPLACED : (this.#numbers.get(inode) ?? ELSEWHERE);
      },
      forget: (inode) => this.#owners.forget(inode),
      has: (source) => sources.has(source),
      wallMs: (ns) => this.#clock.wallMs(ns),
    });
    this.#join.places = places.length;
    this.#polling = new Polling(options, this.#join, this.#clock);
    this.#flows = new UdpFlows((event) => options.emit(event));
  }

  /**
   * One round: takes what the sources have, and emits the events that come of it.
   *
   * @returns whether there is more to take at once
   */
  async round(): Promise<boolean> {
    const { sources } = this.#options;
    this.#clock.check();
    let more = false;
    const flows: { readonly place: Followed; readonly flow: ConntrackFlow; readonly timeMs: number }[] = [];
    const lost: SocketEvent[] = [];
    const lose = (source: EventSource, count: number | undefined, netns?: Netns) => {
      lost.push({ timeMs: this.#nowMs(), kind: "lost", source, count, netns });
    };
    const begunNs = monotonicNs();
    for (const place of this.#places) {
      for (const source of ["destroy", "conntrack"] as const) {
        const timeMs = this.#nowMs();
        const taken = place[source]?.take(DATAGRAMS_A_ROUND, (datagram) => {
          if (source === "destroy") this.#takeEnds(place, datagram, monotonicNs());
          // The flows of a datagram have their addresses in it.
          else for (const flow of conntrackFlows(datagram.slice())) flows.push({ place, flow, timeMs });
        });
        if (taken?.more) more = true;
        if (taken !== undefined && taken.lost !== 0) lose(source, taken.lost, place.netns);
      }
    }
    if (this.#listed.length === 0) this.#listed = await this.#polling.due(this.#places, this.#readNs);
    const records = this.#readTrace();
    for (const record of records) this.#takeRecord(record);
    await this.#owners.find(newInodes(this.#listed));
    this.#tellListed();
    const ownersOfPort = once(() => this.#join.ownersOfUdpPorts());
    for (const { place, flow, timeMs } of flows) {
      const origin = this.#origin(place.number, IPPROTO_UDP);
      const owners = ownersOfPort()(place.number, flow.sport);
      this.#flows.tracked(flow, timeMs, owners, { place: place.number, origin });
    }
    this.#findPlaces();
    const patient = this.#nowMs() - ROUTE_WAIT_MS;
    if (this.#routes.length > 0) this.#routes = this.#routes.filter(({ timeMs }) => timeMs > patient);
    if (!more) this.#drainedNs = begunNs;
    this.#join.settle(this.#readNs, this.#clock.wallMs(Math.min(this.#readNs, this.#drainedNs)));
    if (this.#trace !== undefined && performance.now() >= this.#nextLossMs) {
      this.#nextLossMs = performance.now() + LOSS_INTERVAL_MS;
      const count = this.#trace.lost();
      if (count > 0) lose(sources.has("tracefs") ? "tracefs" : "fib", count);
    }
    for (const event of lost) this.#options.emit(event);
    // What was lost is made up for by what is there.
    if (lost.length > 0) this.#polling.hasten();
    return more || this.#ended.length > 0;
  }

  /** Hands on an event; of a UDP socket that no listing has seen, its flows may have told the owners. */
  #emit(event: SocketEvent): void {
    const { socket, owners, kind } = event;
    const udp =
      socket?.origin.protocol === IPPROTO_UDP && (kind === "open" || kind === "state" || kind === "close");
    const told = udp
      ? this.#flows.ownersOf(this.#placeNumber(event.netns), socket.sport, kind === "close")
      : undefined;
    this.#options.emit(owners === undefined && told !== undefined ? { ...event, owners: told } : event);
  }

  #placeNumber(netns: Netns | undefined): PlaceNumber {
    return netns === undefined ? 0 : this.#options.places.findIndex((place) => place.netns === netns);
  }

  [Symbol.dispose](): void {
    for (const { destroy, conntrack, conversation } of this.#places.splice(0)) {
      destroy?.close();
      conntrack?.close();
      conversation?.close();
    }
    this.#trace?.remove();
  }

  #follow(place: FollowedPlace, number: PlaceNumber): Followed {
    const { sources, selection } = this.#options;
    const groups = destroyGroups(selection);
    const destroy = sources.has("destroy") ? joinGroups(place.host, NETLINK_SOCK_DIAG, groups) : undefined;
    try {
      const conntrack = sources.has("conntrack")
        ? joinGroups(place.host, NETLINK_NETFILTER, CONNTRACK_GROUPS)
        : undefined;
      return { ...place, number, destroy, conntrack, conversation: undefined };
    } catch (error) {
      destroy?.close();
      throw error;
    }
  }

  #nowMs(): number {
    return this.#clock.wallMs(monotonicNs());
  }

  #origin(place: PlaceNumber, protocol: number): Origin {
    const key = place * 0x1_0000 + protocol;
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      const netns = this.#options.places[place]?.netns;
      origin = { protocol, describe: describeBare, ...(netns === undefined ? {} : { netns }) };
      this.#origins.set(key, origin);
    }
    return origin;
  }

  /** Tells what was listed and what has ended, as far as the trace was read: that has more of the same sockets. */
  #tellListed(): void {
    let count = 0;
    for (const { listed, endNs } of this.#listed) {
      if (endNs > this.#readNs) break;
      // What ended later may still be listed.
      this.#tellEnds(listed.begunNs);
      this.#join.listed(listed);
      count++;
    }
    this.#listed = this.#listed.slice(count);
    this.#tellEnds(this.#listed[0]?.listed.begunNs ?? this.#readNs);
  }

  /** Tells the ends up to a moment that the trace was read up to. */
  #tellEnds(untilNs: number): void {
    let count = 0;
    for (const { place, socket, timeMs, ns } of this.#ended) {
      if (ns > untilNs || ns > this.#readNs) break;
      if (socket.origin.protocol === IPPROTO_UDP) this.#tellRoutes(place, socket.sport);
      this.#join.destroyed(place, socket, timeMs);
      count++;
    }
    this.#ended = this.#ended.slice(count);
  }

  #takeEnds({ number }: Followed, datagram: Uint8Array, ns: number): void {
    const timeMs = this.#clock.wallMs(ns);
    for (const socket of destroyedSockets(datagram, describeBare)) {
      // The attribute is read once: each look at another socket walks its attributes.
      const origin = this.#origin(number, socket.origin.protocol);
      this.#ended.push({ place: number, socket: keptSocket(socket, origin), timeMs, ns });
    }
  }

  /** The records of the trace up to now. */
  #readTrace(): readonly TraceRecord[] {
    if (this.#trace === undefined) {
      this.#readNs = monotonicNs();
      return [];
    }
    const { records, untilNs } = this.#trace.take(monotonicNs());
    this.#readNs = untilNs;
    return records;
  }

  #takeRecord(record: TraceRecord): void {
    if (record.event === "route" || record.event === "route6") this.#takeRoute(record);
    else this.#join.trace(record);
  }

  #takeRoute(record: TraceRecord): void {
    if (!UdpFlows.isOwn(record)) return;
    const owners = this.#owners.byThread(record.tid);
    const inode = this.#owners.netns(record.tid);
    const timeMs = this.#clock.wallMs(record.ns);
    // Of a process that is gone, the end of its socket tells where it was.
    if (inode === undefined)
      this.#routes.push({ record: { ...record, bytes: record.bytes.slice() }, owners, timeMs });
    else this.#tellRoute({ record, owners, timeMs }, this.#numbers.get(inode));
  }

  #tellRoute({ record, owners, timeMs }: Route, place: PlaceNumber | undefined): void {
    if (place === undefined) return;
    this.#flows.routed(record, timeMs, owners, { place, origin: this.#origin(place, IPPROTO_UDP) });
  }

  /** Tells the flows of processes that are gone, by the end of the socket that they came from. */
  #tellRoutes(place: PlaceNumber, sport: number): void {
    if (this.#routes.length === 0) return;
    const [own, others] = [this.#routes.filter(from), this.#routes.filter((route) => !from(route))];
    this.#routes = others;
    for (const route of own) this.#tellRoute(route, place);

    function from({ record }: Route): boolean {
      return record.sport === sport;
    }
  }

  /** Looks where sockets are that only the trace has told of. */
  #findPlaces(): void {
    let count = 0;
    for (const socket of this.#join.unplaced(this.#clock.wallMs(this.#readNs))) {
      for (const place of this.#places) {
        if (!place.mayPass(socket)) continue;
        place.conversation ??= place.host.transport.open(NETLINK_SOCK_DIAG);
        const found = findSocket(place.conversation, socket);
        if (found !== undefined) this.#join.placed(place.number, found);
      }
      if (++count >= FINDS_A_ROUND) {
        this.#polling.hasten();
        return;
      }
    }
  }
}
