/**
 * One stream of events from all that the sources tell: nothing missing, nothing twice.
 *
 * Two sources see most of what happens. Their accounts are joined by the socket's cookie; the trace, which tells it
 * only at the end, by the address of the socket in the kernel's memory, and that with sock_diag by protocol,
 * addresses and ports. Whoever feeds this keeps one order in each round: what was destroyed is received, then the
 * tables are listed, then the trace is read up to that moment; it is given here as trace, tables, destroyed. So the
 * richer account always comes before that which would only repeat it.
 */

import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { SS_CLOSE, SS_LISTEN, SS_SYN_RECV, SS_SYN_SENT, SS_TIME_WAIT } from "../model/state.ts";
import type { EventSource, SocketEvent } from "./event.ts";
import { HeldEvents } from "./held.ts";
import type { Listed, Listing } from "./listing.ts";
import {
  bareSocket,
  cookieOf,
  keptSocket,
  lingers,
  setCookie,
  setSport,
  setState,
  tupleKey,
  withHolder,
  withIdentity,
} from "./message.ts";
import { isByOwner, type TraceRecord } from "./trace-record.ts";
import { ELSEWHERE, type PlaceNumber, type Tracked, TrackedSockets, UNPLACED } from "./tracked.ts";

/** How long a destroy event may be in coming after the trace has seen the end. */
const DESTROY_WAIT_MS = 1000;
/** Listings that a socket must be missing in before it has ended: one may miss it while others come and go. */
const ABSENCES = 2;
/** The same, where a destroy event should tell of its end. */
const ABSENCES_WITH_DESTROY = 3;
/** How long after its change to CLOSE a socket may be destroyed, so that only its end is told. */
const CLOSING_NS = 1e6;
/** How long ends that the destroy event was not waited for are remembered. */
const ENDED_MS = 60_000;

/** What the join needs to know of the world. */
export interface JoinContext {
  /** Takes the events. */
  emit(event: SocketEvent): void;
  /** The origin of a socket of a place (or of none). */
  origin(place: PlaceNumber, protocol: number): Origin;
  /** Who has a socket open, as far as the processes were looked through. */
  ownersOf(inode: number): readonly Owner[] | undefined;
  /** A thread as an owner. */
  ownersByThread(tid: number): readonly Owner[] | undefined;
  /** Where a thread lives: a place, ELSEWHERE, or UNPLACED if it is gone. */
  placeOfThread(tid: number): PlaceNumber;
  /** A socket has ended: its owners need not be remembered. */
  forget(inode: number): void;
  /** Whether a source is at work. */
  has(source: EventSource): boolean;
  /** A time of the trace as milliseconds since 1970. */
  wallMs(ns: number): number;
}

/** The join of all sources. */
export class EventJoin {
  readonly #context: JoinContext;
  readonly #sockets = new TrackedSockets();
  /** Changed to CLOSE, and perhaps about to end. */
  #closing: Tracked[] = [];
  /** The trace has seen their end. */
  readonly #destroyed = new Set<Tracked>();
  readonly #held = new HeldEvents((entry, event) => this.#emit(entry, "tracefs", event));
  /** Ends that were told before their destroy event, by cookie: until when that may still come. */
  readonly #told = new Map<number, number>();
  #generation = 0;

  constructor(context: JoinContext) {
    this.#context = context;
  }

  /** Takes a record of the trace. */
  trace(record: TraceRecord): void {
    const { event, ns, newState } = record;
    if (event === "state") this.#traceState(record);
    else if (event === "destroy") this.#traceDestroy(record);
    else if (event === "retransmit" || event === "reset") {
      const entry = this.#traced(record) ?? this.#create(record, newState);
      const timeMs = this.#context.wallMs(ns);
      this.#held.take(entry, { timeMs, kind: event, oldState: undefined, newState: entry.state });
    }
  }

  /** Begins a listing. */
  beginListing(listing: Omit<Listing, "generation">): Listing {
    return { ...listing, generation: ++this.#generation };
  }

  /** Whether a socket that is being listed is as it was, so that nothing more need be done with it. */
  unchanged({ generation, refresh, place }: Listing, socket: InetSocket): boolean {
    // The socket itself has ended, and its end is told or will be.
    if (lingers(socket) && this.#context.has("destroy")) return true;
    const entry = this.#sockets.withCookie(cookieOf(socket));
    if (entry === undefined || refresh || entry.place !== place) return false;
    const { stateNumber, inode, sport, dport } = socket;
    const known = entry.socket;
    if (!entry.ended) {
      if (entry.state !== stateNumber || known.inode !== inode) return false;
      if (known.sport !== sport || known.dport !== dport) return false;
    }
    entry.generation = generation;
    entry.absent = 0;
    return true;
  }

  /** Takes what came of a listing. */
  listed(listing: Listed): void {
    const { place, protocol, sockets, complete, generation } = listing;
    for (const socket of sockets) {
      const entry = this.#listedSocket(listing, socket);
      if (entry === undefined) continue;
      entry.generation = generation;
      entry.absent = 0;
    }
    if (!complete || listing.baseline) return;
    const patience = this.#context.has("destroy") ? ABSENCES_WITH_DESTROY : ABSENCES;
    for (const entry of this.#sockets.withCookies()) {
      if (entry.generation === generation || !isDue(entry)) continue;
      if (entry.ended) this.#sockets.remove(entry);
      else this.#miss(entry, listing, patience);
    }
    // One whose cookie is not known by now was in no listing since the trace has told of it.
    for (const entry of this.#sockets.withoutCookies())
      if (isDue(entry)) this.#miss(entry, listing, patience);

    function isDue({ place: its, socket, recordNs }: Tracked): boolean {
      return its === place && socket.origin.protocol === protocol && recordNs <= listing.begunNs;
    }
  }

  /** A socket was not listed: it has ended, if it was not a few times before. */
  #miss(entry: Tracked, { protocol, timeMs }: Listing, patience: number): void {
    if (entry.destroyedNs !== 0) return;
    // One that is closed but still open in a process is in no table.
    if (protocol === IPPROTO_TCP && entry.state === SS_CLOSE) return;
    if (++entry.absent >= patience) this.#end(entry, "sock_diag", timeMs, SS_CLOSE);
  }

  /** Takes a socket that sock_diag tells the end of. */
  destroyed(place: PlaceNumber, socket: InetSocket, timeMs: number): void {
    const cookie = cookieOf(socket);
    if (this.#told.delete(cookie)) return;
    const found = this.#sockets.withCookie(cookie) ?? this.#withoutCookie(place, socket);
    if (found === undefined) {
      const { netns } = socket.origin;
      this.#context.emit({
        timeMs,
        kind: "close",
        source: "destroy",
        socket,
        newState: SS_CLOSE,
        netns,
      });
      return;
    }
    if (found.ended) return;
    this.#place(found, place);
    this.#held.release(found);
    const { destroyedNs } = found;
    this.#learnOwners(found);
    found.socket = withIdentity(socket, found.socket);
    this.#end(found, "destroy", destroyedNs === 0 ? timeMs : this.#context.wallMs(destroyedNs), SS_CLOSE);
  }

  /** See {@link HeldEvents.unplaced}. */
  unplaced(nowMs: number): Generator<InetSocket> {
    return this.#held.unplaced(nowMs);
  }

  /** See {@link HeldEvents.wantsPorts}. */
  wantsPorts(nowMs: number): boolean {
    return this.#held.wantsPorts(nowMs);
  }

  /** Takes what the kernel knows in a place of a socket that {@link unplaced} gave. */
  placed(place: PlaceNumber, socket: InetSocket): void {
    const entry = this.#sockets.withTuple(UNPLACED, tupleKey(socket));
    if (entry === undefined) return;
    const cookie = cookieOf(socket);
    if (entry.cookie === 0 && this.#sockets.withCookie(cookie) === undefined) {
      this.#sockets.setCookie(entry, cookie);
      setCookie(entry.socket, cookie);
    }
    withHolder(entry.socket, socket);
    this.#place(entry, place);
  }

  /** Who has UDP sockets open now, by the places and ports that they are bound to. */
  ownersOfUdpPorts(): (place: PlaceNumber, sport: number) => readonly Owner[] | undefined {
    const found = new Map<string, readonly Owner[]>();
    for (const entry of this.#sockets.withCookies()) {
      const { socket, place } = entry;
      if (socket.origin.protocol !== IPPROTO_UDP) continue;
      this.#learnOwners(entry);
      if (entry.owners !== undefined) found.set(`${place} ${socket.sport}`, entry.owners);
    }
    return (place, sport) => found.get(`${place} ${sport}`);
  }

  /** Ends a round. @param ns up to when the trace was read @param nowMs up to when all sources were, since 1970 */
  settle(ns: number, nowMs: number): void {
    const later: Tracked[] = [];
    for (const entry of this.#closing) {
      const { closing } = entry;
      // One that is destroyed has its end told instead.
      if (closing === undefined || entry.destroyedNs !== 0) continue;
      if (closing.ns > ns - CLOSING_NS) later.push(entry);
      else {
        entry.closing = undefined;
        const timeMs = this.#context.wallMs(closing.ns);
        this.#held.take(entry, { timeMs, kind: "state", oldState: closing.oldState, newState: SS_CLOSE });
      }
    }
    this.#closing = later;
    for (const entry of this.#destroyed) {
      const timeMs = this.#context.wallMs(entry.destroyedNs);
      if (this.#context.has("destroy") && nowMs - timeMs < DESTROY_WAIT_MS) continue;
      if (entry.place >= 0) this.#end(entry, "tracefs", timeMs, SS_CLOSE);
      else this.#forget(entry);
    }
    this.#held.settle(nowMs, (entry) => this.#sockets.move(entry, ELSEWHERE, entry.socket));
    for (const [cookie, until] of this.#told) {
      if (until > nowMs) break;
      this.#told.delete(cookie);
    }
  }

  #traceState(record: TraceRecord): void {
    const { oldState, newState, ns } = record;
    let entry = this.#traced(record);
    const begins = entry === undefined && (oldState === SS_CLOSE || oldState === SS_LISTEN);
    entry ??= this.#create(record, oldState);
    const { state } = entry;
    entry.recordNs = ns;
    entry.state = newState;
    // The tables have told that already.
    if (state === newState) return;
    this.#learnEnds(entry, record);
    setState(entry.socket, newState);
    if (entry.owners === undefined && isByOwner(record))
      entry.owners = this.#context.ownersByThread(record.tid);
    if (entry.closing !== undefined) this.#tellClosing(entry);
    if (newState === SS_CLOSE) {
      entry.closing = { ns, oldState };
      this.#closing.push(entry);
      return;
    }
    this.#held.take(entry, {
      timeMs: this.#context.wallMs(ns),
      kind: begins ? "open" : "state",
      oldState: begins ? undefined : oldState,
      newState,
    });
  }

  #traceDestroy(record: TraceRecord): void {
    const { cookie, ns } = record;
    const entry = this.#traced(record) ?? this.#create(record, SS_CLOSE);
    this.#sockets.loseAddress(entry);
    if (entry.place === ELSEWHERE) this.#forget(entry);
    if (entry.place === ELSEWHERE || entry.ended) return;
    if (entry.cookie !== cookie) {
      // Of listeners that share address and port, the tables may have been taken for each other.
      const other = this.#sockets.withCookie(cookie);
      if (other !== undefined && entry.cookie !== 0) this.#sockets.setCookie(other, entry.cookie);
      this.#sockets.setCookie(entry, cookie);
      setCookie(entry.socket, cookie);
    }
    entry.recordNs = ns;
    entry.destroyedNs = ns;
    this.#destroyed.add(entry);
  }

  /** The socket that a record is about, if it is known. */
  #traced(record: TraceRecord): Tracked | undefined {
    const { address, cookie, event } = record;
    const known = this.#sockets.withAddress(address);
    if (known !== undefined) {
      if (this.#agrees(known, record)) return known;
      this.#replaced(known, record.ns);
    }
    const entry = cookie === 0 ? undefined : this.#sockets.withCookie(cookie);
    const found = entry ?? (event === "destroy" ? undefined : this.#withoutAddress(record));
    if (found !== undefined) this.#sockets.setAddress(found, address);
    return found;
  }

  /** The memory of a socket is another's now, so that it has ended; the record of that was lost. */
  #replaced(entry: Tracked, ns: number): void {
    this.#sockets.loseAddress(entry);
    if (entry.place === ELSEWHERE) this.#forget(entry);
    else if (!entry.ended) {
      entry.destroyedNs = ns;
      this.#destroyed.add(entry);
    }
  }

  /** Whether a record can be about the socket that was at its address. */
  #agrees({ socket, cookie, state }: Tracked, record: TraceRecord): boolean {
    if (record.cookie !== 0 && cookie !== 0) return record.cookie === cookie;
    if (record.event === "state" && record.oldState === SS_CLOSE) return state === SS_CLOSE;
    if (record.event === "state" && record.oldState === SS_LISTEN && record.newState === SS_SYN_RECV)
      return false;
    // A failed connect(2) forgets the peer.
    if (record.event === "destroy" && record.dport === 0) return true;
    return socket.dport === record.dport && (socket.sport === 0 || socket.sport === record.sport);
  }

  /** A socket of the tables that the trace tells of for the first time. */
  #withoutAddress(record: TraceRecord): Tracked | undefined {
    // Sockets that begin are in no table before.
    if (record.event === "state" && (record.newState === SS_SYN_RECV || record.oldState === SS_CLOSE))
      return undefined;
    const tuple = tupleKey(bareSocket(record, 0, this.#context.origin(UNPLACED, IPPROTO_TCP)));
    let found: Tracked | undefined;
    for (let place = 0; place < this.places; place++) {
      const entry = this.#sockets.withTuple(place, tuple);
      if (entry === undefined || entry.address !== 0 || entry.ended) continue;
      if (record.event === "state" && entry.state !== record.oldState && entry.state !== record.newState)
        continue;
      // Two places with the same connection: either could be meant.
      if (found !== undefined) return undefined;
      found = entry;
    }
    return found;
  }

  /** How many places are looked at. */
  places = 1;

  /** A socket that the trace has told of, and that has no cookie yet. */
  #withoutCookie(place: PlaceNumber, socket: InetSocket): Tracked | undefined {
    const tuple = tupleKey(socket);
    let found =
      this.#bare(this.#sockets.withTuple(place, tuple)) ??
      this.#bare(this.#sockets.withTuple(UNPLACED, tuple));
    if (found === undefined && socket.stateNumber === SS_SYN_SENT) {
      const portless = keptSocket(socket);
      setSport(portless, 0);
      const key = tupleKey(portless);
      found =
        this.#bare(this.#sockets.withTuple(place, key)) ?? this.#bare(this.#sockets.withTuple(UNPLACED, key));
    }
    if (found === undefined) return undefined;
    const cookie = cookieOf(socket);
    this.#sockets.setCookie(found, cookie);
    setCookie(found.socket, cookie);
    return found;
  }

  #bare(entry: Tracked | undefined): Tracked | undefined {
    return entry === undefined || entry.cookie !== 0 ? undefined : entry;
  }

  #create(record: TraceRecord, state: number): Tracked {
    const place = this.#placeByThread(record);
    const socket = bareSocket(record, state, this.#context.origin(place, IPPROTO_TCP));
    const begins =
      record.event === "state" && (record.oldState === SS_CLOSE || record.oldState === SS_LISTEN);
    const entry = this.#track(socket, place, begins ? this.#context.wallMs(record.ns) : undefined);
    entry.recordNs = record.ns;
    this.#sockets.setAddress(entry, record.address);
    return entry;
  }

  #placeByThread(record: TraceRecord): PlaceNumber {
    return isByOwner(record) ? this.#context.placeOfThread(record.tid) : UNPLACED;
  }

  #track(socket: InetSocket, place: PlaceNumber, openedMs: number | undefined): Tracked {
    const entry: Tracked = {
      socket,
      place,
      cookie: cookieOf(socket),
      address: 0,
      state: socket.stateNumber,
      openedMs,
      owners: undefined,
      recordNs: 0,
      closing: undefined,
      destroyedNs: 0,
      ended: false,
      generation: this.#generation,
      absent: 0,
      held: undefined,
      sought: false,
      tuple: tupleKey(socket),
    };
    this.#sockets.add(entry);
    return entry;
  }

  /** Takes over the ends that a record tells: connect(2) sets them, and again after it failed. */
  #learnEnds(entry: Tracked, record: TraceRecord): void {
    const { socket, place } = entry;
    if (socket.sport === record.sport && socket.dport === record.dport) return;
    const { oldState, newState } = record;
    if (newState !== SS_SYN_SENT && newState !== SS_LISTEN && oldState !== SS_SYN_SENT) return;
    const fresh = withHolder(bareSocket(record, newState, socket.origin), socket);
    setCookie(fresh, entry.cookie);
    this.#sockets.move(entry, place, fresh);
  }

  /** Learns where a socket is. */
  #place(entry: Tracked, place: PlaceNumber): void {
    if (entry.place === place) return;
    const { data, offset, length, origin } = entry.socket;
    const moved = this.#context.origin(place, origin.protocol);
    this.#sockets.move(
      entry,
      place,
      new (entry.socket.constructor as typeof InetSocket)(data, offset, length, moved),
    );
  }

  #listedSocket(listing: Listed, socket: InetSocket): Tracked | undefined {
    const { place, timeMs, baseline } = listing;
    const stateNumber = lingers(socket) ? SS_TIME_WAIT : socket.stateNumber;
    const cookie = cookieOf(socket);
    const known = this.#sockets.withCookie(cookie) ?? this.#withoutCookie(place, socket);
    if (known === undefined) {
      if (this.#told.has(cookie)) return undefined;
      const entry = this.#track(socket, place, baseline ? undefined : timeMs);
      if (baseline && stateNumber !== SS_TIME_WAIT) return entry;
      entry.ended = stateNumber === SS_TIME_WAIT;
      if (!baseline)
        this.#emit(entry, "sock_diag", {
          timeMs,
          kind: entry.ended ? "close" : "open",
          oldState: undefined,
          newState: stateNumber,
        });
      return entry;
    }
    if (known.ended) return known;
    // What the trace has told since is newer than this.
    if (known.recordNs > listing.begunNs) {
      if (known.place < 0) this.#place(known, place);
      return known;
    }
    if (known.place !== place) this.#place(known, place);
    const { state } = known;
    if (state !== stateNumber && stateNumber === SS_TIME_WAIT) {
      this.#end(known, "sock_diag", timeMs, SS_TIME_WAIT);
      // As long as it is listed, it is not to be taken for another.
      known.ended = true;
      this.#sockets.add(known);
      return known;
    }
    this.#sockets.move(known, place, socket);
    known.state = stateNumber;
    if (state !== stateNumber) {
      this.#held.release(known);
      known.closing = undefined;
      this.#emit(known, "sock_diag", { timeMs, kind: "state", oldState: state, newState: stateNumber });
    }
    return known;
  }

  #tellClosing(entry: Tracked): void {
    const { closing } = entry;
    if (closing === undefined) return;
    entry.closing = undefined;
    const timeMs = this.#context.wallMs(closing.ns);
    this.#held.take(entry, { timeMs, kind: "state", oldState: closing.oldState, newState: SS_CLOSE });
  }

  /** Tells the end of a socket. */
  #end(entry: Tracked, source: EventSource, timeMs: number, newState: number): void {
    this.#held.release(entry);
    const { openedMs, closing, cookie } = entry;
    const oldState = closing?.oldState ?? entry.state;
    if (cookie !== 0 && source !== "destroy" && this.#context.has("destroy"))
      this.#told.set(cookie, timeMs + ENDED_MS);
    const durationMs = openedMs === undefined ? undefined : Math.max(0, timeMs - openedMs);
    entry.closing = undefined;
    this.#emit(entry, source, { timeMs, kind: "close", oldState, newState, durationMs });
    this.#forget(entry);
  }

  #learnOwners(entry: Tracked): void {
    const { inode } = entry.socket;
    if (inode !== 0) entry.owners = this.#context.ownersOf(inode) ?? entry.owners;
  }

  #forget(entry: Tracked): void {
    if (entry.socket.inode !== 0) this.#context.forget(entry.socket.inode);
    this.#sockets.remove(entry);
    this.#destroyed.delete(entry);
    this.#held.forget(entry);
  }

  #emit(
    entry: Tracked,
    source: EventSource,
    event: Pick<SocketEvent, "timeMs" | "kind" | "oldState" | "newState" | "durationMs">,
  ): void {
    const { socket } = entry;
    const { timeMs, kind, oldState, newState, durationMs } = event;
    const { netns } = socket.origin;
    this.#learnOwners(entry);
    const { owners } = entry;
    this.#context.emit({ timeMs, kind, source, socket, oldState, newState, owners, durationMs, netns });
  }
}
