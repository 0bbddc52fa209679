/** What the parts of the join share: the sockets, the events that wait, and how events are made of both. */

import type { Origin } from "../diag/message.ts";
import { type Owner, processName } from "../enrich/processes.ts";
import { cookieOf, setCookie } from "../families/inet/made-socket.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { SS_CLOSE, SS_LISTEN, SS_SYN_SENT } from "../model/state.ts";
import { reasonOf } from "./connect-failure.ts";
import { DeferredEvents } from "./deferred-events.ts";
import type { Coverage, SocketEvent } from "./event.ts";
import { NO_DESCRIPTOR, NO_PID } from "./owners.ts";
import { keptSocket, listenerKeys, setSport, tupleKey } from "./socket-message.ts";
import { type DeferredEvent, type PlaceNumber, type Tracked, TrackedSockets, UNPLACED } from "./tracked.ts";

/** How long the cookies of ends that were reported before their destroy event are remembered. */
const EARLY_END_MS = 60_000;

/** What the join needs from outside. */
export interface JoinContext {
  /** Takes the events. */
  emit(event: SocketEvent): void;
  /** The origin of sockets of a place (or of none). */
  origin(place: PlaceNumber, protocol: number): Origin;
  /** The owners of the socket of an inode, if they were found. */
  ownersOf(inode: number): readonly Owner[] | undefined;
  /** A thread's process as an owner. @param ns of a record of the thread */
  ownersByThread(tid: number, ns: number): readonly Owner[] | undefined;
  /** Where a thread is: a place, ELSEWHERE, or UNPLACED if it is gone. @param ns of a record of the thread */
  placeOfThread(tid: number, ns: number): PlaceNumber;
  /** A socket has ended: forget its owners. */
  forget(inode: number): void;
  /** What the sources in use cover together. */
  readonly covered: ReadonlySet<Coverage>;
  /** Whether sockets of the first listing become `existing` events. */
  readonly existing: boolean;
  /** The numbers of the places. */
  places(): Iterable<PlaceNumber>;
  /** Converts CLOCK_MONOTONIC to milliseconds since 1970. */
  wallMs(ns: number): number;
}

/** The shared part of the join. */
export class JoinCore {
  readonly context: JoinContext;
  readonly sockets: TrackedSockets;
  /** The trace has seen their end. */
  readonly destroyed = new Set<Tracked>();
  readonly deferred = new DeferredEvents((entry, event) => this.emit(entry, "tracefs", event));
  /** Ends that were reported before their destroy event, by cookie: until when that may still come. */
  readonly #earlyEnds = new Map<number, number>();
  /** The last listing that was begun. */
  generation = 0;

  constructor(context: JoinContext) {
    this.context = context;
    this.sockets = new TrackedSockets({
      origin: (place, protocol) => context.origin(place, protocol),
      knowsOwners: (inode) => inode !== 0 && context.ownersOf(inode) !== undefined,
      woken: (entry) => this.learnOwners(entry),
    });
  }

  /** Begins to follow a socket. @param openedMs undefined if it existed at the start */
  track(
    socket: InetSocket,
    place: PlaceNumber,
    openedMs: number | undefined,
    accepted = isAcceptable(socket),
  ): Tracked {
    const entry: Tracked = {
      socket,
      place,
      cookie: cookieOf(socket),
      address: 0,
      state: socket.stateNumber,
      openedMs,
      owners: undefined,
      openedBy: undefined,
      accepted,
      recordNs: 0,
      connecting: undefined,
      closing: undefined,
      destroyedNs: 0,
      ended: false,
      generation: this.generation,
      absent: 0,
      deferred: undefined,
      sought: false,
      tuple: tupleKey(socket),
    };
    this.sockets.add(entry);
    return entry;
  }

  /** The trace's socket, still without a cookie, that equals a socket of sock_diag. It gets the cookie. */
  claim(place: PlaceNumber, socket: InetSocket): Tracked | undefined {
    const found =
      this.#cookieless(place, tupleKey(socket)) ??
      (socket.stateNumber === SS_SYN_SENT ? this.#cookieless(place, portlessKey(socket)) : undefined);
    if (found === undefined) return undefined;
    const cookie = cookieOf(socket);
    this.sockets.setCookie(found, cookie);
    setCookie(found.socket, cookie);
    return found;
  }

  #cookieless(place: PlaceNumber, tuple: string): Tracked | undefined {
    const here = this.sockets.withTuple(place, tuple);
    if (here?.cookie === 0) return here;
    const unplaced = this.sockets.withTuple(UNPLACED, tuple);
    return unplaced?.cookie === 0 ? unplaced : undefined;
  }

  /** Sets the place of a socket. */
  place(entry: Tracked, place: PlaceNumber): void {
    if (entry.place === place) return;
    const { data, offset, length, origin } = entry.socket;
    const moved = this.context.origin(place, origin.protocol);
    this.sockets.move(entry, place, new InetSocket(data, offset, length, moved));
  }

  /** Reports the change to CLOSE that a socket has made: a connect that failed, or a change of state. */
  reportClosing(entry: Tracked): void {
    const { closing, connecting } = entry;
    if (closing === undefined) return;
    entry.closing = undefined;
    const { ns, oldState, byProcess } = closing;
    const timeMs = this.context.wallMs(ns);
    const change = { timeMs, oldState, newState: SS_CLOSE };
    if (oldState !== SS_SYN_SENT) {
      this.deferred.add(entry, { ...change, kind: "state" });
      return;
    }
    entry.connecting = undefined;
    this.deferred.add(entry, {
      ...change,
      kind: "failed",
      durationMs: connecting?.sinceMs && Math.max(0, timeMs - connecting.sinceMs),
      failure: { reason: reasonOf(connecting, byProcess), syns: connecting?.syns },
    });
  }

  /** Reports the end of a socket, and forgets it. @param source who has seen it */
  end(entry: Tracked, source: string, timeMs: number, newState: number): void {
    if (entry.closing?.oldState === SS_SYN_SENT) this.reportClosing(entry);
    this.deferred.release(entry);
    const { openedMs, closing, cookie } = entry;
    const oldState = closing?.oldState ?? entry.state;
    if (cookie !== 0 && source !== "destroy" && this.context.covered.has("ends"))
      this.#earlyEnds.set(cookie, timeMs + EARLY_END_MS);
    const durationMs = openedMs === undefined ? undefined : Math.max(0, timeMs - openedMs);
    entry.closing = undefined;
    this.emit(entry, source, { timeMs, kind: "close", oldState, newState, durationMs });
    this.forget(entry);
  }

  /** Whether the end with a cookie was reported before its destroy event. */
  hasEnded(cookie: number): boolean {
    return this.#earlyEnds.has(cookie);
  }

  /** Takes the destroy event of an end. @returns whether the end was reported before */
  takeEarlyEnd(cookie: number): boolean {
    return this.#earlyEnds.delete(cookie);
  }

  /** Sets by how much later, or earlier, early ends are forgotten: the time of day was set. */
  shiftEarlyEnds(ms: number): void {
    for (const [cookie, untilMs] of this.#earlyEnds) this.#earlyEnds.set(cookie, untilMs + ms);
  }

  /** Forgets early ends whose destroy event will not come. @param nowMs milliseconds since 1970 */
  forgetEarlyEnds(nowMs: number): void {
    for (const [cookie, untilMs] of this.#earlyEnds) {
      if (untilMs > nowMs) break;
      this.#earlyEnds.delete(cookie);
    }
  }

  /** Stops to follow a socket. */
  forget(entry: Tracked): void {
    if (entry.socket.inode !== 0) this.context.forget(entry.socket.inode);
    this.sockets.remove(entry);
    this.destroyed.delete(entry);
    this.deferred.forget(entry);
  }

  /** Looks up the owners of a socket again: they may be known by now. */
  learnOwners(entry: Tracked): void {
    const { inode } = entry.socket;
    if (inode !== 0) entry.owners = this.context.ownersOf(inode) ?? entry.owners;
    const { openedBy } = entry;
    if (entry.owners === undefined && openedBy !== undefined)
      entry.owners = this.context.ownersByThread(openedBy.tid, openedBy.ns);
  }

  /** The owners of the listener that accepted a connection, or would accept it; without their descriptor of it. */
  listenerOwners(place: PlaceNumber, socket: InetSocket): readonly Owner[] | undefined {
    for (const key of listenerKeys(socket)) {
      const listener = this.sockets.withTuple(place, key);
      if (listener?.state !== SS_LISTEN) continue;
      this.learnOwners(listener);
      return listener.owners && withoutDescriptors(listener.owners);
    }
    return undefined;
  }

  /** The owners of a socket as they are known now: those of its listener, until its own are. */
  #ownersOf({ owners, accepted, place, socket }: Tracked): readonly Owner[] | undefined {
    const own = owners?.[0];
    if (!accepted || (own !== undefined && own.pid !== NO_PID)) return owners;
    const listening = this.listenerOwners(place, socket);
    // Of an owner that is known by name only, the listener may have the pid.
    if (own === undefined || listening?.some(({ stat }) => hasName(stat, own))) return listening ?? owners;
    return owners;
  }

  /** Makes an event of a socket. */
  emit(entry: Tracked, source: string, event: Omit<DeferredEvent, "kind"> & Pick<SocketEvent, "kind">): void {
    const { socket } = entry;
    this.learnOwners(entry);
    const owners = this.#ownersOf(entry);
    this.context.emit({ ...event, source, socket, owners, netns: socket.origin.netns });
  }
}

/** Owners without descriptors. The same list gives the same result, because values derived from owners are cached by list. */
const descriptorless = new WeakMap<readonly Owner[], readonly Owner[]>();

function withoutDescriptors(owners: readonly Owner[]): readonly Owner[] {
  let found = descriptorless.get(owners);
  if (found === undefined) {
    found = owners.map((owner) => ({ ...owner, fd: NO_DESCRIPTOR }));
    descriptorless.set(owners, found);
  }
  return found;
}

function hasName(stat: Uint8Array, { stat: other }: Owner): boolean {
  return Buffer.compare(processName(stat), processName(other)) === 0;
}

/** Whether a listener may have accepted a socket that is seen for the first time. */
function isAcceptable({ origin, stateNumber }: InetSocket): boolean {
  return origin.protocol === IPPROTO_TCP && stateNumber !== SS_LISTEN && stateNumber !== SS_SYN_SENT;
}

/** The key of a connecting socket before the kernel has chosen its local port. */
function portlessKey(socket: InetSocket): string {
  const portless = keptSocket(socket);
  setSport(portless, 0);
  return tupleKey(portless);
}
