/** The sockets that are followed, by cookie, memory address or tuple. */

import type { Origin } from "../diag/message.ts";
import type { Owner } from "../enrich/processes.ts";
import { INET_DIAG_MESSAGE_SIZE } from "../families/inet/layouts/inet-diag.ts";
import { cookieOf } from "../families/inet/made-socket.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { SS_LISTEN, SS_SYN_SENT } from "../model/state.ts";
import type { ConnectFailure } from "./event.ts";
import { QuietSockets } from "./quiet-sockets.ts";
import { keptSocket, tupleKey } from "./socket-message.ts";

/** The number of a followed network namespace, or why there is none: {@link UNPLACED}, {@link ELSEWHERE}. */
export type PlaceNumber = number;

/** Not known yet: trace records do not name the network namespace. */
export const UNPLACED: PlaceNumber = -1;
/** In a network namespace that is not followed. */
export const ELSEWHERE: PlaceNumber = -2;

/** An event of a trace record. It may have to wait for its socket's place or port. */
export interface DeferredEvent {
  readonly timeMs: number;
  readonly kind: "open" | "state" | "failed" | "retransmit" | "reset";
  readonly oldState: number | undefined;
  readonly newState: number;
  readonly durationMs?: number | undefined;
  readonly failure?: ConnectFailure;
}

/** A connect(2) that is under way. */
export interface Connecting {
  /** Milliseconds since 1970; undefined if the beginning was not seen. */
  sinceMs: number | undefined;
  /** SYNs sent; undefined likewise. */
  syns: number | undefined;
  /** Whether a reset was received. */
  reset: boolean;
  /** The errno that the socket reported; 0 if none. */
  error: number;
}

/** The known facts of one socket. */
export interface Tracked {
  /** The socket, in a copy of its own. */
  socket: InetSocket;
  place: PlaceNumber;
  /** The socket's cookie; 0 if unknown. */
  cookie: number;
  /** Address of its struct sock in kernel memory; 0 if unknown. */
  address: number;
  state: number;
  /** When it was opened or first seen; undefined if it existed at the start. */
  openedMs: number | undefined;
  owners: readonly Owner[] | undefined;
  /** The thread that opened it and when, as long as its process is unknown. */
  openedBy: { readonly tid: number; readonly ns: number } | undefined;
  /** Whether a listener accepted it, so that the listener's owner is the best guess. */
  readonly accepted: boolean;
  /** The last trace record, in nanoseconds of CLOCK_MONOTONIC; 0 for none. */
  recordNs: number;
  /** The connect that is under way, or has just failed. */
  connecting: Connecting | undefined;
  /** The change to CLOSE, which is not reported if the socket is destroyed at once. */
  closing: { readonly ns: number; readonly oldState: number; readonly byProcess: boolean } | undefined;
  /** When the trace saw its end; 0 before that. The destroy event has its counters. */
  destroyedNs: number;
  /** Its end was reported; it is kept as long as its TIME-WAIT is listed. */
  ended: boolean;
  /** The last listing that had it. */
  generation: number;
  /** Number of listings since. */
  absent: number;
  /** Events that wait. */
  deferred: DeferredEvent[] | undefined;
  /** Whether sock_diag was searched for its place. */
  sought: boolean;
  /** The key of {@link TrackedSockets.withTuple}. */
  tuple: string;
}

/** No listing has this number. */
const NO_GENERATION = 0;
/** Addresses of sockets elsewhere that are remembered: the records of their ends may be lost. */
const MOST_ELSEWHERE = 1_000_000;

/** Whether everything that is known of a socket has a column in {@link QuietSockets}. */
function isQuiet(entry: Tracked): boolean {
  const { socket, place, state, owners, openedBy } = entry;
  if (entry.ended || entry.deferred !== undefined || entry.destroyedNs !== 0) return false;
  if (entry.connecting !== undefined || entry.closing !== undefined) return false;
  // Many connections are looked up by their listener, so that it stays an object.
  if (socket.origin.protocol !== IPPROTO_TCP || state === SS_LISTEN || state === SS_SYN_SENT) return false;
  if (owners === undefined && openedBy !== undefined) return false;
  if (place < 0 || entry.cookie === 0 || cookieOf(socket) !== entry.cookie) return false;
  return socket.length === INET_DIAG_MESSAGE_SIZE && socket.stateNumber === state;
}

/** Makes a socket of a message that is kept elsewhere. */
function socketOf(message: DataView, origin: Origin): InetSocket {
  return new InetSocket(message, 0, INET_DIAG_MESSAGE_SIZE, origin);
}

/** What the sockets need from outside. */
export interface TrackedContext {
  /** The origin of sockets of a place. */
  origin(place: PlaceNumber, protocol: number): Origin;
  /** Whether the owners of the socket of an inode can be found again. */
  knowsOwners(inode: number): boolean;
  /** Called for a socket that was quiet, when something is known of it. */
  woken(entry: Tracked): void;
}

/**
 * The sockets, by cookie, memory address and tuple. Those that nothing happens to are kept in {@link QuietSockets}: a
 * look-up that finds one makes it an object again.
 */
export class TrackedSockets {
  readonly #context: TrackedContext;
  readonly #quiet = new QuietSockets();
  /** Memory addresses of sockets in network namespaces that are not followed: nothing else is kept of them. */
  readonly #elsewhere = new Set<number>();
  readonly #byCookie = new Map<number, Tracked>();
  readonly #byAddress = new Map<number, Tracked>();
  readonly #byTuple = new Map<PlaceNumber, Map<string, Tracked>>();
  readonly #cookieless = new Set<Tracked>();

  constructor(context: TrackedContext) {
    this.#context = context;
  }

  /** Adds a socket. */
  add(entry: Tracked): void {
    if (entry.cookie === 0) this.#cookieless.add(entry);
    else this.#byCookie.set(entry.cookie, entry);
    if (entry.address !== 0) this.#byAddress.set(entry.address, entry);
    this.#tuples(entry.place).set(entry.tuple, entry);
  }

  /** Forgets a socket. */
  remove(entry: Tracked): void {
    if (this.#byCookie.get(entry.cookie) === entry) this.#byCookie.delete(entry.cookie);
    this.#cookieless.delete(entry);
    this.loseAddress(entry);
    this.#removeTuple(entry);
  }

  /** The socket with a cookie. */
  withCookie(cookie: number): Tracked | undefined {
    return this.#byCookie.get(cookie) ?? this.#wake(this.#quiet.withCookie(cookie));
  }

  /** The socket at an address in kernel memory. */
  withAddress(address: number): Tracked | undefined {
    return this.#byAddress.get(address) ?? this.#wake(this.#quiet.withAddress(address));
  }

  /** The last socket of a place that was added with these addresses and ports. */
  withTuple(place: PlaceNumber, tuple: string): Tracked | undefined {
    const known = this.#byTuple.get(place)?.get(tuple);
    if (known !== undefined || this.#quiet.size === 0) return known;
    const origin = this.#context.origin(place, IPPROTO_TCP);
    return this.#wake(this.#quiet.withTuple(place, tuple, (message) => tupleKey(socketOf(message, origin))));
  }

  /**
   * Marks a quiet socket as listed, if it is as it was.
   *
   * @param generation number of the listing
   * @returns undefined if it is not quiet
   */
  isSameQuiet(
    place: PlaceNumber,
    cookie: number,
    stateNumber: number,
    inode: number,
    sport: number,
    dport: number,
    generation: number,
  ): boolean | undefined {
    return this.#quiet.isSame(place, cookie, stateNumber, inode, sport, dport, generation);
  }

  /** Makes a socket quiet that has just been listed, if nothing is known of it that would be lost. */
  rest(entry: Tracked): void {
    if (!isQuiet(entry) || this.#byTuple.get(entry.place)?.get(entry.tuple) !== entry) return;
    const { socket, place, address, openedMs, accepted, owners, generation, tuple } = entry;
    const { data, offset, length, inode } = socket;
    const message = new DataView(data.buffer, data.byteOffset + offset, length);
    const kept = owners !== undefined && this.#context.knowsOwners(inode) ? undefined : owners;
    this.remove(entry);
    this.#quiet.add({ message, place, address, openedMs, accepted, owners: kept, generation }, tuple);
  }

  /** Makes the quiet sockets of a place that a listing did not have objects again. @param generation its number */
  wakeMissing(place: PlaceNumber, generation: number): void {
    for (const row of this.#quiet.missing(place, generation)) this.#wake(row);
    this.#quiet.shrink();
  }

  /** Whether the socket at an address is in a network namespace that is not followed. */
  isElsewhere(address: number): boolean {
    return this.#elsewhere.has(address);
  }

  /** Notes that the socket at an address is in a network namespace that is not followed. */
  addElsewhere(address: number): void {
    if (this.#elsewhere.size >= MOST_ELSEWHERE) this.#elsewhere.clear();
    this.#elsewhere.add(address);
  }

  /** Forgets a socket of {@link addElsewhere}: it has ended, or another one has its memory. */
  removeElsewhere(address: number): void {
    this.#elsewhere.delete(address);
  }

  /** Sets the cookie of a socket. */
  setCookie(entry: Tracked, cookie: number): void {
    if (this.#byCookie.get(entry.cookie) === entry) this.#byCookie.delete(entry.cookie);
    entry.cookie = cookie;
    this.#cookieless.delete(entry);
    this.#byCookie.set(cookie, entry);
  }

  /** Sets the memory address of a socket. */
  setAddress(entry: Tracked, address: number): void {
    this.loseAddress(entry);
    entry.address = address;
    this.#byAddress.set(address, entry);
  }

  /** Clears the memory address of a socket. */
  loseAddress(entry: Tracked): void {
    if (this.#byAddress.get(entry.address) === entry) this.#byAddress.delete(entry.address);
    entry.address = 0;
  }

  /** Changes the place, or the addresses and ports, of a socket. */
  move(entry: Tracked, place: PlaceNumber, socket: InetSocket): void {
    const tuple = tupleKey(socket);
    entry.socket = socket;
    if (entry.place === place && entry.tuple === tuple) return;
    this.#removeTuple(entry);
    entry.place = place;
    entry.tuple = tuple;
    this.#tuples(place).set(tuple, entry);
  }

  /** The time of day was set: times of quiet sockets are those of the new clock. @param ms how far it was set forward */
  shiftTimes(ms: number): void {
    this.#quiet.shiftTimes(ms);
  }

  /** The sockets with a known cookie that are not quiet. */
  withCookies(): Iterable<Tracked> {
    return this.#byCookie.values();
  }

  /** All sockets without a known cookie. */
  withoutCookies(): Iterable<Tracked> {
    return this.#cookieless;
  }

  /** All sockets that are not quiet. */
  *all(): Generator<Tracked> {
    yield* this.#byCookie.values();
    yield* this.#cookieless;
  }

  /** The sockets of a place. */
  *inPlace(place: PlaceNumber): Generator<Tracked> {
    this.wakeMissing(place, NO_GENERATION);
    for (const entry of [...this.#byCookie.values(), ...this.#cookieless])
      if (entry.place === place) yield entry;
  }

  /** Drops the index of a place whose sockets are gone. */
  forgetPlace(place: PlaceNumber): void {
    this.#byTuple.delete(place);
  }

  /** Makes a quiet socket an object again. @param row -1 for none */
  #wake(row: number): Tracked | undefined {
    if (row < 0) return undefined;
    const { message, place, address, openedMs, accepted, owners, generation } = this.#quiet.take(row);
    const socket = keptSocket(socketOf(message, this.#context.origin(place, IPPROTO_TCP)));
    const entry: Tracked = {
      socket,
      place,
      cookie: cookieOf(socket),
      address,
      state: socket.stateNumber,
      openedMs,
      owners,
      openedBy: undefined,
      accepted,
      recordNs: 0,
      connecting: undefined,
      closing: undefined,
      destroyedNs: 0,
      ended: false,
      generation,
      absent: 0,
      deferred: undefined,
      sought: true,
      tuple: tupleKey(socket),
    };
    this.add(entry);
    this.#context.woken(entry);
    return entry;
  }

  #tuples(place: PlaceNumber): Map<string, Tracked> {
    let tuples = this.#byTuple.get(place);
    if (tuples === undefined) {
      tuples = new Map();
      this.#byTuple.set(place, tuples);
    }
    return tuples;
  }

  #removeTuple(entry: Tracked): void {
    const tuples = this.#byTuple.get(entry.place);
    if (tuples?.get(entry.tuple) === entry) tuples.delete(entry.tuple);
  }
}
