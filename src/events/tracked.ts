/** The sockets that are followed, by cookie, memory address or tuple. */

import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { ConnectFailure } from "./event.ts";
import { tupleKey } from "./socket-message.ts";

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

/** Addresses of sockets elsewhere that are remembered: the records of their ends may be lost. */
const MOST_ELSEWHERE = 1_000_000;

/** The sockets, by cookie, memory address and tuple. */
export class TrackedSockets {
  /** Memory addresses of sockets in network namespaces that are not followed: nothing else is kept of them. */
  readonly #elsewhere = new Set<number>();
  readonly #byCookie = new Map<number, Tracked>();
  readonly #byAddress = new Map<number, Tracked>();
  readonly #byTuple = new Map<PlaceNumber, Map<string, Tracked>>();
  readonly #cookieless = new Set<Tracked>();

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
    return this.#byCookie.get(cookie);
  }

  /** The socket at an address in kernel memory. */
  withAddress(address: number): Tracked | undefined {
    return this.#byAddress.get(address);
  }

  /** The last socket of a place that was added with these addresses and ports. */
  withTuple(place: PlaceNumber, tuple: string): Tracked | undefined {
    return this.#byTuple.get(place)?.get(tuple);
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

  /** All sockets with a known cookie. */
  withCookies(): Iterable<Tracked> {
    return this.#byCookie.values();
  }

  /** All sockets without a known cookie. */
  withoutCookies(): Iterable<Tracked> {
    return this.#cookieless;
  }

  /** All sockets. */
  *all(): Generator<Tracked> {
    yield* this.#byCookie.values();
    yield* this.#cookieless;
  }

  /** The sockets of a place. */
  *inPlace(place: PlaceNumber): Generator<Tracked> {
    for (const entry of [...this.#byCookie.values(), ...this.#cookieless])
      if (entry.place === place) yield entry;
  }

  /** Drops the index of a place whose sockets are gone. */
  forgetPlace(place: PlaceNumber): void {
    this.#byTuple.delete(place);
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
