/** Following sockets: round by round, what all sources have to tell. */

import { destroyedSockets, destroyGroups } from "../diag/destroyed.ts";
import { inetTables } from "../diag/families.ts";
import type { Details } from "../diag/family-dump.ts";
import type { InetSocket } from "../diag/inet.ts";
import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import { describeBare } from "../list/common.ts";
import type { Problem } from "../list/query.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import type { Selection } from "../model/selection.ts";
import {
  SS_BOUND_INACTIVE,
  SS_NEW_SYN_RECV,
  SS_SYN_RECV,
  SS_SYN_SENT,
  SS_TIME_WAIT,
  stateGroups,
} from "../model/state.ts";
import { NETLINK_NETFILTER, NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import type { NetlinkSocket } from "../netlink/transport.ts";
import { monotonicNs, TraceClock } from "./clock.ts";
import { CONNTRACK_GROUPS, type ConntrackFlow, conntrackFlows } from "./conntrack.ts";
import type { EventSource, SocketEvent } from "./event.ts";
import { findSocket } from "./find.ts";
import { UdpFlows } from "./flows.ts";
import { EventJoin } from "./join.ts";
import { type EventTable, type Listed, type Listing, listTable } from "./listing.ts";
import { keptSocket } from "./message.ts";
import { joinGroups, type Multicast } from "./multicast.ts";
import { OwnerCache } from "./owners.ts";
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
  readonly details: Details;
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

/** The usual time between two listings: where the trace tells what happens in between, and where nothing does. */
const INTERVAL_MS = 250;
const INTERVAL_WITH_TRACE_MS = 1000;
/** Listings take no more than this part of the time, whatever was asked for. */
const SHARE = 0.05;
/** Time between two looks for the local ports of sockets that connect. */
const PORTS_INTERVAL_MS = 50;
/** Datagrams of one multicast socket in a round, and sockets that are looked for by themselves. */
const DATAGRAMS_A_ROUND = 8192;
const FINDS_A_ROUND = 64;
/** How long a flow of a process that is gone waits for the end of its socket. */
const ROUTE_WAIT_MS = 2000;
/** Time between two looks at what the trace has lost. */
const LOSS_INTERVAL_MS = 500;

/** States in which a full socket can be listed. */
const LISTED_STATES =
  stateGroups.all &
  ~((1 << SS_SYN_RECV) | (1 << SS_NEW_SYN_RECV) | (1 << SS_BOUND_INACTIVE) | (1 << SS_TIME_WAIT));

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

/** A listing that was made, until the trace is read up to its end. */
interface Made {
  readonly listed: Listed;
  readonly endNs: number;
}

/** A place while it is followed. */
interface Followed extends FollowedPlace {
  readonly number: PlaceNumber;
  readonly destroy: Multicast | undefined;
  readonly conntrack: Multicast | undefined;
  conversation: NetlinkSocket | undefined;
  /** Flows that began and have an owner, by conntrack's number. */
}

/** Follows sockets until it is closed. */
export class Follower implements Disposable {
  readonly #options: FollowOptions;
  readonly #clock = new TraceClock();
  readonly #trace: TraceSource | undefined;
  readonly #places: Followed[] = [];
  readonly #owners: OwnerCache;
  readonly #join: EventJoin;
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
  /** When each table is listed next. */
  readonly #nextMs = new Map<EventTable, number>();
  #nextPortsMs = 0;
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
    if (this.#listed.length === 0) this.#listed = await this.#listings();
    const records = this.#readTrace();
    for (const record of records) this.#takeRecord(record);
    await this.#owners.find(newInodes(this.#listed));
    this.#tellListed();
    for (const { place, flow, timeMs } of flows) {
      const origin = this.#origin(place.number, IPPROTO_UDP);
      const owners = this.#join.ownersOfPort(place.number, flow.sport);
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
    if (lost.length > 0) this.#hasten();
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

  /** Lists the tables whose time it is. */
  async #listings(): Promise<Made[]> {
    const { intervalMs, selection, sources } = this.#options;
    if (!sources.has("sock_diag")) return [];
    const listed: Made[] = [];
    for (const table of ["tcp", "udp"] as const) {
      const begun = performance.now();
      if (!selection.tables.has(table) || begun < (this.#nextMs.get(table) ?? 0)) continue;
      const baseline = !this.#nextMs.has(table);
      for (const place of this.#places)
        listed.push(made({ ...(await this.#list(place, table, LISTED_STATES)), baseline }));
      const now = performance.now();
      const traced = table === "tcp" && sources.has("tracefs");
      const wanted = intervalMs ?? (traced ? INTERVAL_WITH_TRACE_MS : INTERVAL_MS);
      this.#nextMs.set(table, Math.max(begun + wanted, now + (now - begun) * (1 / SHARE - 1)));
    }
    return listed.length > 0 ? listed : await this.#connecting();
  }

  /** Makes the next listings come soon. */
  #hasten(): void {
    const soon = performance.now() + PORTS_INTERVAL_MS;
    for (const [table, nextMs] of this.#nextMs) this.#nextMs.set(table, Math.min(nextMs, soon));
  }

  /** Looks for the local ports of sockets that connect, which the kernel chooses after the trace has told of them. */
  async #connecting(): Promise<Made[]> {
    const now = performance.now();
    if (now < this.#nextPortsMs || !this.#join.wantsPorts(this.#clock.wallMs(this.#readNs))) return [];
    this.#nextPortsMs = now + PORTS_INTERVAL_MS;
    const listed: Made[] = [];
    for (const place of this.#places) {
      const found = await this.#list(place, "tcp", 1 << SS_SYN_SENT);
      listed.push(made({ ...found, complete: false }));
    }
    return listed;
  }

  async #list(place: Followed, table: EventTable, states: number): Promise<Listed> {
    const { host, netns, bytecode, number } = place;
    const { selection, details, sources, report } = this.#options;
    const withoutEnds = !sources.has("destroy");
    const protocol = inetTables[table];
    const listing: Listing = this.#join.beginListing({
      place: number,
      protocol,
      begunNs: monotonicNs(),
      timeMs: this.#nowMs(),
      refresh: withoutEnds || details.info === true,
    });
    const found = await listTable(
      {
        host,
        netns,
        table,
        selection,
        // Without the word of their ends, what is left of connections tells of them.
        states: withoutEnds && states === LISTED_STATES ? states | (1 << SS_TIME_WAIT) : states,
        details: withoutEnds ? { ...details, info: true } : details,
        // A datagram socket gets another peer whenever it likes.
        bytecode: protocol === IPPROTO_TCP ? bytecode : undefined,
        report,
      },
      (socket) => this.#join.unchanged(listing, socket),
    );
    return { ...listing, ...found, baseline: false };
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
        this.#hasten();
        return;
      }
    }
  }
}

/** The inodes of the sockets that are new in listings. */
function newInodes(made: readonly Made[]): Set<number> {
  const inodes = new Set<number>();
  for (const { listed } of made) for (const { inode } of listed.sockets) if (inode !== 0) inodes.add(inode);
  return inodes;
}

function made(listed: Listed): Made {
  return { listed, endNs: monotonicNs() };
}
