/** The sockets that events are about: what is known of each, found by its cookie, its address or its ends. */

import type { Owner } from "../enrich/processes.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { tupleKey } from "./message.ts";

/** The number of a network namespace that is looked at, or the reason why there is none. */
export type PlaceNumber = number;

/** Nobody knows yet where the socket is: the kernel's trace events do not tell. */
export const UNPLACED: PlaceNumber = -1;
/** The socket is in a network namespace that is not looked at. */
export const ELSEWHERE: PlaceNumber = -2;

/** An event that waits until more is known of its socket. */
export interface HeldEvent {
  readonly timeMs: number;
  readonly kind: "open" | "state" | "retransmit" | "reset";
  readonly oldState: number | undefined;
  readonly newState: number;
}

/** What is known of one socket. */
export interface Tracked {
  /** The socket, a message of its own. */
  socket: InetSocket;
  place: PlaceNumber;
  /** Its cookie, 0 as long as it is not known. */
  cookie: number;
  /** Where its struct sock is in the kernel's memory, 0 as long as it is not known. */
  address: number;
  state: number;
  /** When it was opened or first seen; undefined for one that was there before us. */
  readonly openedMs: number | undefined;
  owners: readonly Owner[] | undefined;
  /** The last trace record of it, in the clock of these; 0 if there was none. */
  recordNs: number;
  /** Its change to CLOSE, which is not told if its end follows. */
  closing: { readonly ns: number; readonly oldState: number } | undefined;
  /** When the trace saw its end; what it carried comes with the destroy event. */
  destroyedNs: number;
  /** Its end is told; it stays known as long as its TIME-WAIT is listed. */
  ended: boolean;
  /** The listing that it was last in. */
  generation: number;
  /** Listings since, that it was not in. */
  absent: number;
  /** Events that wait. */
  held: HeldEvent[] | undefined;
  /** Whether it was asked where it is. */
  sought: boolean;
  /** Under what it is found by its ends. */
  tuple: string;
}

/** The sockets, by all that they can be found by. */
export class TrackedSockets {
  readonly #byCookie = new Map<number, Tracked>();
  readonly #byAddress = new Map<number, Tracked>();
  readonly #byTuple = new Map<PlaceNumber, Map<string, Tracked>>();
  readonly #cookieless = new Set<Tracked>();

  /** Takes in a socket. */
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

  /** The socket of a cookie. */
  withCookie(cookie: number): Tracked | undefined {
    return this.#byCookie.get(cookie);
  }

  /** The socket whose struct sock is at an address. */
  withAddress(address: number): Tracked | undefined {
    return this.#byAddress.get(address);
  }

  /** The socket of a place that has these ends; of several the one that came last. */
  withTuple(place: PlaceNumber, tuple: string): Tracked | undefined {
    return this.#byTuple.get(place)?.get(tuple);
  }

  /** Learns the cookie of a socket. */
  setCookie(entry: Tracked, cookie: number): void {
    if (this.#byCookie.get(entry.cookie) === entry) this.#byCookie.delete(entry.cookie);
    entry.cookie = cookie;
    this.#cookieless.delete(entry);
    this.#byCookie.set(cookie, entry);
  }

  /** Learns the address of a socket. */
  setAddress(entry: Tracked, address: number): void {
    this.loseAddress(entry);
    entry.address = address;
    this.#byAddress.set(address, entry);
  }

  /** The address of a socket is free for another one. */
  loseAddress(entry: Tracked): void {
    if (this.#byAddress.get(entry.address) === entry) this.#byAddress.delete(entry.address);
    entry.address = 0;
  }

  /** Learns where a socket is, or what its ends are. */
  move(entry: Tracked, place: PlaceNumber, socket: InetSocket): void {
    const tuple = tupleKey(socket);
    entry.socket = socket;
    if (entry.place === place && entry.tuple === tuple) return;
    this.#removeTuple(entry);
    entry.place = place;
    entry.tuple = tuple;
    this.#tuples(place).set(tuple, entry);
  }

  /** All that have a cookie. */
  withCookies(): Iterable<Tracked> {
    return this.#byCookie.values();
  }

  /** All whose cookie is not known yet. */
  withoutCookies(): Iterable<Tracked> {
    return this.#cookieless;
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
