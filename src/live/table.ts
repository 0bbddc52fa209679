/**
 * The sockets that are looked on at, from sample to sample: columns of numbers, a slot a socket. Nothing is allocated
 * for a socket that was there before, and the slots of closed ones are used again.
 */

import { SocketArena } from "../diag/socket-arena.ts";
import { makeSocket, setCookie } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { Netns } from "../host/namespaces.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import type { DumpName } from "../model/selection.ts";
import { SS_CLOSE, SS_TIME_WAIT, stateGroups, states } from "../model/state.ts";
import { originOf } from "../query/common.ts";
import type { SocketBatch } from "../query/query.ts";
import { type CounterName, counters, newReading, readCounters } from "./counters.ts";
import { addressAndPort, type Endpoints, endpointsOf } from "./endpoints.ts";

/** The counters whose change per second is told, by the name of that. */
const rates = {
  receivedRate: "received",
  ackedRate: "acked",
  retransmitRate: "retransmitted",
  dropRate: "dropped",
} as const satisfies Readonly<Record<string, CounterName>>;

/** The name of a change per second. */
export type RateName = keyof typeof rates;
/** A number that the table has of each socket. */
export type NumberName = CounterName | RateName | "transferRate";

const counterNames = Object.keys(counters) as CounterName[];
const rateNames = Object.keys(rates) as RateName[];
const numberNames: readonly NumberName[] = [...counterNames, ...rateNames, "transferRate"];

/** What tells a socket from all others: its namespace, and its cookie. */
export type SocketKey = string;

/** What one sample holds in all. */
export interface Sample {
  /** How many have been taken, this one included. */
  readonly number: number;
  /** Milliseconds since the sample before; undefined for the first. */
  readonly intervalMs: number | undefined;
  /** How many sockets there are. */
  readonly sockets: number;
  /** Connections that were not there in the sample before; TIME-WAIT is the end of one, not a new one. */
  readonly opened: number;
  /** Connections that were there in the sample before, and have gone or come to TIME-WAIT. */
  readonly closed: number;
  /** How many sockets there are in each state, by the kernel's number. */
  readonly states: readonly number[];
  /** The sum of each change per second; undefined where no socket tells it. */
  readonly totals: { readonly [Name in RateName]: number | undefined };
}

/** Bytes kept of each address. */
const ADDRESS = 16;
const FIRST_CAPACITY = 1024;

/** Copies numbers into an array of another length. */
function resized<A extends Float64Array | Uint8Array | Uint16Array | Uint32Array>(
  from: A,
  Type: new (length: number) => A,
  length: number,
): A {
  const to = new Type(length);
  to.set(from);
  return to;
}

/** The sockets that are looked on at. */
export class SocketTable {
  /** Each number of each socket by slot; NaN is unknown. */
  readonly numbers: { [Name in NumberName]: Float64Array };
  /** States by the kernel's number. */
  state = new Uint8Array(0);
  /** AF_* numbers. */
  family = new Uint8Array(0);
  localPort = new Uint16Array(0);
  peerPort = new Uint16Array(0);
  inode = new Uint32Array(0);
  /** Id of the process that has it open, or had it last; 0 for none that is known. */
  process = new Uint32Array(0);
  /** Local and peer's address of inet sockets, 16 bytes each. */
  addresses = new DataView(new ArrayBuffer(0));
  /** Milliseconds between the last two readings of each socket. */
  interval = new Float64Array(0);
  /** How many slots have ever been used. */
  end = 0;
  #bytes = new Uint8Array(0);
  #cookie = new Float64Array(0);
  #readAt = new Float64Array(0);
  /** The sample that a socket was last seen in; 0 for a free slot. */
  #seen = new Uint32Array(0);
  #dump: DumpName[] = [];
  #netns: (Netns | undefined)[] = [];
  readonly #endpoints = new Map<number, Endpoints>();
  readonly #free: number[] = [];
  readonly #slots = new Map<Netns | undefined, Map<number, number>>();
  readonly #reading = newReading();
  #number = 0;
  #live = 0;
  #opened = 0;
  #closed = 0;
  #states = new Array<number>(states.length).fill(0);
  #totals = new Float64Array(rateNames.length);
  #startedAt = Number.NaN;
  #previousAt = Number.NaN;

  constructor() {
    this.numbers = Object.fromEntries(numberNames.map((name) => [name, new Float64Array(0)])) as never;
    this.#grow(FIRST_CAPACITY);
  }

  /** How many sockets there are. */
  get size(): number {
    return this.#live;
  }

  /** Begins a sample. @param now in milliseconds, by a clock that never goes back */
  begin(now: number): void {
    this.#number++;
    this.#previousAt = this.#startedAt;
    this.#startedAt = now;
    this.#opened = 0;
    this.#closed = 0;
    this.#states.fill(0);
    this.#totals.fill(Number.NaN);
  }

  /** Takes sockets of the sample that has begun. @param now when they were read */
  add({ dump, sockets }: SocketBatch, now: number): void {
    for (const socket of sockets) this.#take(dump, socket, now);
  }

  /** Ends a sample: what was not in it is gone. */
  finish(): Sample {
    for (let slot = 0; slot < this.end; slot++) {
      const seen = this.#seen[slot]!;
      if (seen === 0 || seen === this.#number) continue;
      if (this.state[slot] !== SS_TIME_WAIT) this.#closed++;
      this.#release(slot);
    }
    const known = (value: number) => (Number.isNaN(value) ? undefined : value);
    return {
      number: this.#number,
      intervalMs: known(this.#startedAt - this.#previousAt),
      sockets: this.#live,
      opened: this.#number === 1 ? 0 : this.#opened,
      closed: this.#closed,
      states: [...this.#states],
      totals: Object.fromEntries(
        rateNames.map((name, index) => [name, known(this.#totals[index]!)]),
      ) as Sample["totals"],
    };
  }

  /** Whether a socket is in a slot. */
  isLive(slot: number): boolean {
    return this.#seen[slot] !== 0;
  }

  /** The table that a socket is of. */
  dump(slot: number): DumpName {
    return this.#dump[slot]!;
  }

  /** The network namespace of a socket, where several are looked into. */
  netns(slot: number): Netns | undefined {
    return this.#netns[slot];
  }

  /** The kernel's cookie of a socket; 0 or less if its source does not tell. */
  cookie(slot: number): number {
    return this.#cookie[slot]!;
  }

  /** The name of a socket's slot that holds beyond this sample. */
  key(slot: number): SocketKey {
    return `${this.#netns[slot]?.inode ?? ""}/${this.#cookie[slot]}`;
  }

  /** The slot of a socket, or undefined if it is gone. */
  slotOf(key: SocketKey): number | undefined {
    const [place, cookie] = key.split("/");
    for (const [netns, slots] of this.#slots)
      if (`${netns?.inode ?? ""}` === place) return slots.get(Number(cookie));
    return undefined;
  }

  /** Whether a socket is that of a key. */
  isThat(socket: Socket, key: SocketKey): boolean {
    return `${socket.origin.netns?.inode ?? ""}/${cookieOf(socket)}` === key;
  }

  /** The local end of a socket. */
  local(slot: number): string {
    const known = this.#endpoints.get(slot);
    if (known !== undefined) return known.local;
    return addressAndPort(this.addresses, slot * 2 * ADDRESS, this.family[slot]!, this.localPort[slot]!);
  }

  /** The peer's end. */
  peer(slot: number): string {
    const known = this.#endpoints.get(slot);
    if (known !== undefined) return known.peer;
    return addressAndPort(this.addresses, (slot * 2 + 1) * ADDRESS, this.family[slot]!, this.peerPort[slot]!);
  }

  /** A connection with nothing but its identity, to refetch it by. */
  identity(slot: number): InetSocket {
    const sourceOffset = slot * 2 * ADDRESS;
    const endpoints = {
      family: this.family[slot]!,
      bytes: this.#bytes,
      sourceOffset,
      destinationOffset: sourceOffset + ADDRESS,
      sport: this.localPort[slot]!,
      dport: this.peerPort[slot]!,
    };
    const origin = originOf({ netns: this.#netns[slot] }, IPPROTO_TCP);
    const socket = makeSocket(new SocketArena(0), endpoints, this.state[slot]!, origin);
    setCookie(socket, this.#cookie[slot]!);
    return socket;
  }

  /** Whether it is a TCP connection, which its identity finds again. */
  isConnection(slot: number): boolean {
    return this.#dump[slot] === "tcp" && ((1 << this.state[slot]!) & stateGroups.connected) !== 0;
  }

  /** Whether it is a socket of IP. */
  isInet(slot: number): boolean {
    return !this.#endpoints.has(slot);
  }

  #take(dump: DumpName, socket: Socket, now: number): void {
    const cookie = cookieOf(socket);
    const { netns } = socket.origin;
    let slots = this.#slots.get(netns);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(netns, slots);
    }
    let slot = slots.get(cookie);
    const isNew = slot === undefined;
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.end++;
      if (slot >= this.#seen.length) this.#grow(this.#seen.length * 2);
      slots.set(cookie, slot);
      this.#settle(slot, dump, socket, cookie);
      this.#live++;
    } else if (this.#seen[slot] === this.#number) return;
    const state = ("stateNumber" in socket ? socket.stateNumber : undefined) ?? SS_CLOSE;
    if (state === SS_TIME_WAIT) {
      if (!isNew && this.state[slot] !== SS_TIME_WAIT) this.#closed++;
    } else if (isNew) this.#opened++;
    this.state[slot] = state;
    this.#states[state] = (this.#states[state] ?? 0) + 1;
    // A connection gets its descriptor when it is accepted, and gives it back before it ends.
    this.inode[slot] = socket.inode ?? 0;
    this.#read(slot, socket, now, isNew);
    this.#seen[slot] = this.#number;
  }

  /** Notes what never changes of a socket. */
  #settle(slot: number, dump: DumpName, socket: Socket, cookie: number): void {
    this.#dump[slot] = dump;
    this.#netns[slot] = socket.origin.netns;
    this.#cookie[slot] = cookie;
    this.process[slot] = 0;
    this.family[slot] = socket.kind === "tipc" ? 0 : socket.familyNumber;
    if (socket.kind === "inet") this.#settleInet(slot, socket);
    else this.#endpoints.set(slot, endpointsOf(socket));
  }

  #settleInet(slot: number, socket: InetSocket): void {
    this.localPort[slot] = socket.sport;
    this.peerPort[slot] = socket.dport;
    const { data, sourceOffset } = socket;
    const both = new Uint8Array(data.buffer, data.byteOffset + sourceOffset, 2 * ADDRESS);
    this.#bytes.set(both, slot * 2 * ADDRESS);
  }

  #read(slot: number, socket: Socket, now: number, isNew: boolean): void {
    const reading = this.#reading;
    readCounters(socket, reading);
    const { numbers } = this;
    const elapsed = isNew ? Number.NaN : now - this.#readAt[slot]!;
    for (let index = 0; index < rateNames.length; index++) {
      const name = rateNames[index]!;
      const counter = rates[name];
      // The counter of a socket whose slot it was before must not count: of a new one there is no rate.
      const change = reading[counter] - numbers[counter][slot]!;
      const rate = (change * 1000) / elapsed;
      const known = change >= 0 && elapsed > 0;
      numbers[name][slot] = known ? rate : Number.NaN;
      if (!known) continue;
      this.#totals[index] = Number.isNaN(this.#totals[index]!) ? rate : this.#totals[index]! + rate;
    }
    numbers.transferRate[slot] = numbers.receivedRate[slot]! + numbers.ackedRate[slot]!;
    for (const name of counterNames) numbers[name][slot] = reading[name];
    this.interval[slot] = elapsed;
    this.#readAt[slot] = now;
  }

  #release(slot: number): void {
    this.#slots.get(this.#netns[slot])?.delete(this.#cookie[slot]!);
    this.#endpoints.delete(slot);
    this.#netns[slot] = undefined;
    this.#seen[slot] = 0;
    this.#free.push(slot);
    this.#live--;
  }

  #grow(capacity: number): void {
    for (const name of numberNames) this.numbers[name] = resized(this.numbers[name], Float64Array, capacity);
    this.state = resized(this.state, Uint8Array, capacity);
    this.family = resized(this.family, Uint8Array, capacity);
    this.localPort = resized(this.localPort, Uint16Array, capacity);
    this.peerPort = resized(this.peerPort, Uint16Array, capacity);
    this.inode = resized(this.inode, Uint32Array, capacity);
    this.process = resized(this.process, Uint32Array, capacity);
    this.interval = resized(this.interval, Float64Array, capacity);
    this.#cookie = resized(this.#cookie, Float64Array, capacity);
    this.#readAt = resized(this.#readAt, Float64Array, capacity);
    this.#seen = resized(this.#seen, Uint32Array, capacity);
    this.#bytes = resized(this.#bytes, Uint8Array, capacity * 2 * ADDRESS);
    this.addresses = new DataView(this.#bytes.buffer);
  }
}

/**
 * What tells a socket from those of its namespace: its cookie, which counts up from 1 and so fits a number. Where
 * the source has none (/proc), the pointer or inode that it has, as a negative number.
 */
function cookieOf(socket: Socket): number {
  if (socket.kind === "inet") {
    const { data, cookieOffset: at } = socket;
    const cookie = data.getUint32(at, true) + data.getUint32(at + 4, true) * 2 ** 32;
    return cookie || -Number(socket.procfs?.pointer ?? socket.inode);
  }
  return Number(socket.cookie ?? 0n) || -(socket.inode ?? 0);
}
