/**
 * The watched sockets, from sample to sample: columns of numbers with one slot per socket. Nothing is allocated for a
 * known socket, and the slots of closed sockets are reused.
 */

import { roomBytes, roomData, roomWords } from "../bytes/room.ts";
import { SocketArena } from "../diag/socket-arena.ts";
import type { DirectRows } from "../families/direct-rows.ts";
import { inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { makeSocket, setCookie } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { stateNumber, uidNumber } from "../families/numbers.ts";
import type { Socket } from "../families/socket.ts";
import type { Netns } from "../host/namespaces.ts";
import { IPPROTO_TCP } from "../model/family.ts";
import { type InetTable, inetTables } from "../model/inet-tables.ts";
import type { DumpName } from "../model/selection.ts";
import { SS_CLOSE, SS_TIME_WAIT, stateGroups, states } from "../model/state.ts";
import { originOf } from "../query/common.ts";
import type { RowSink, SocketBatch } from "../query/query.ts";
import { addressAndPort, type Endpoints, endpointsOf } from "./endpoints.ts";
import type { SampleMessages } from "./messages.ts";
import {
  counterNames,
  type MetricName,
  metricNames,
  newReading,
  type RateName,
  rateNames,
  readMessageMetrics,
  readMetrics,
} from "./metrics.ts";

/** A number that the table has of each socket. */
export type NumberName = MetricName | RateName | "transferRate";

const numberNames: readonly NumberName[] = [...metricNames, ...rateNames, "transferRate"];

/** For each rate, where its counter stands in a reading. */
const counterIndexes = counterNames.map((name) => metricNames.indexOf(name));

/** Identifies a socket: its namespace and its cookie. */
export type SocketKey = string;

/** The numbers of one sample as a whole. */
export interface Sample {
  /** How many have been taken, this one included. */
  readonly number: number;
  /** Milliseconds since the sample before; undefined for the first. */
  readonly intervalMs: number | undefined;
  /** How many sockets there are. */
  readonly sockets: number;
  /** Connections that were missing in the sample before. TIME-WAIT is the end of one, not a new one. */
  readonly opened: number;
  /** Connections of the sample before that have gone or are in TIME-WAIT now. */
  readonly closed: number;
  /** How many sockets there are in each state, by the kernel's number. */
  readonly states: readonly number[];
  /** The sum of each change per second; undefined if no socket has it. */
  readonly totals: { readonly [Name in RateName]?: number };
}

/** Stands for an owner that is not known: (uid_t)-1, which no user has. */
export const NO_UID = 0xffffffff;

/** Bytes kept of each address. */
const ADDRESS = 16;

/** Where fields of struct inet_diag_msg are: bytes, and 32-bit words. */
const FAMILY = inetDiagMessage.familyNumber.offset;
const STATE = inetDiagMessage.stateNumber.offset;
const SPORT = inetDiagMessage.sport.offset;
const DPORT = inetDiagMessage.dport.offset;
const ADDRESSES_WORD = inetDiagMessage.source.offset >> 2;
const ADDRESSES_WORDS = (2 * ADDRESS) >> 2;
const COOKIE_WORD = inetDiagMessage.cookie.offset >> 2;
const UID_WORD = inetDiagMessage.uid.offset >> 2;
const INODE_WORD = inetDiagMessage.inode.offset >> 2;
const FIRST_CAPACITY = 1024;
/** Below this capacity the table grows fourfold: memory that is not written to costs nothing, and copies do. */
const LARGE_CAPACITY = 1 << 18;

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

/** The watched sockets. */
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
  /** User id of the owner; {@link NO_UID} if it is not known. */
  uid = new Uint32Array(0);
  /** Id of the process that has it open, or had it last; 0 if none is known. */
  process = new Uint32Array(0);
  /** Local and peer's address of inet sockets, 16 bytes each. */
  addresses = new DataView(new ArrayBuffer(0));
  /** Milliseconds between the last two readings of each socket. */
  interval = new Float64Array(0);
  /** How many slots have ever been used. */
  end = 0;
  #bytes = new Uint8Array(0);
  /** The addresses as 32-bit words. */
  #words = new Int32Array(0);
  #cookie = new Float64Array(0);
  #readAt = new Float64Array(0);
  /** The sample that a socket was last seen in; 0 for a free slot. */
  #seen = new Uint32Array(0);
  #dump: DumpName[] = [];
  #netns: (Netns | undefined)[] = [];
  readonly #endpoints = new Map<number, Endpoints>();
  readonly #free: number[] = [];
  /** Slots of the sockets that ended since the last sample, with their changes in the place of rates. */
  #ending: number[] = [];
  /** Slots of the sockets that ended before the last sample; they are free from the next on. */
  #ended: number[] = [];
  readonly #slots = new Map<Netns | undefined, Map<number, number>>();
  /** Behind the index of each slot, the slot that came after it in the last sample; the first one is that of slot -1. */
  #following = new Uint32Array(1);
  /** The slot that was taken last in this sample. */
  #taken = -1;
  readonly #reading = newReading();
  /** The numbers of {@link numbers} by their places, for the loop that runs for every socket. */
  #metrics: readonly Float64Array[] = [];
  #rates: readonly Float64Array[] = [];
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
    this.#taken = -1;
    this.#states.fill(0);
    this.#totals.fill(Number.NaN);
  }

  /**
   * Takes sockets of the current sample.
   *
   * @param now when they were read
   * @param see takes each socket with its slot
   */
  add({ dump, sockets }: SocketBatch, now: number, see?: (slot: number, socket: Socket) => void): void {
    for (const socket of sockets) {
      const slot = this.#take(dump, socket, now);
      see?.(slot, socket);
    }
  }

  /**
   * Takes sockets of the current sample straight from the kernel's messages, and keeps these. Sockets of tables other
   * than those of IP come in batches, for {@link add}.
   *
   * @param netns the namespace that is listed, if several are
   * @param clock gives the time in milliseconds
   */
  rows(netns: Netns | undefined, clock: () => number, messages: SampleMessages): RowSink {
    const begin = (dump: DumpName): DirectRows<Socket> | undefined => {
      if (!Object.hasOwn(inetTables, dump)) return undefined;
      const protocol = inetTables[dump as InetTable];
      const origin = messages.from(originOf({ netns }, protocol));
      const slots = this.#slotsOf(netns);
      return {
        put: (offset, length) => {
          if (!readMessageMetrics(offset, length, protocol, this.#reading)) return false;
          const slot = this.#takeMessage(dump, netns, slots, offset, clock());
          messages.keep(slot, origin, offset, length);
          return true;
        },
        write: (socket) => {
          const slot = this.#take(dump, socket, clock());
          messages.keepSocket(slot, new SocketArena(0).copy(socket));
        },
      };
    };
    return { begin, everyNamespace: true, unordered: true, pauses: true };
  }

  /**
   * Counts a socket that was destroyed: the next sample includes its bytes since the last one. The kernel sends
   * its last counters, also for a connection that no sample ever saw.
   *
   * @param isWanted whether it counts if no sample saw it
   */
  addEnded(dump: DumpName, socket: InetSocket, netns: Netns | undefined, isWanted: boolean): void {
    if (this.#number === 0) return;
    const cookie = socketNumber(socket);
    let slot = this.#slots.get(netns)?.get(cookie);
    const isKnown = slot !== undefined;
    if (slot === undefined) {
      if (!isWanted) return;
      slot = this.#newSlot();
      this.#identify(slot, dump, socket, cookie, netns);
      this.inode[slot] = 0;
      this.#opened++;
    } else this.#forget(slot);
    this.state[slot] = SS_CLOSE;
    this.#closed++;
    this.#seen[slot] = 0;
    this.#ending.push(slot);
    readMetrics(socket, this.#reading);
    for (let index = 0; index < rateNames.length; index++) {
      const counter = counterIndexes[index]!;
      const change = this.#reading[counter]! - (isKnown ? this.#metrics[counter]![slot]! : 0);
      this.#rates[index]![slot] = change >= 0 ? change : Number.NaN;
    }
  }

  /** The slots of the sockets that ended before the last sample: their rates are in it, but they are gone. */
  get ended(): readonly number[] {
    return this.#ended;
  }

  /** Makes rates of the changes of the sockets that ended. */
  #finishEnded(interval: number): void {
    for (const slot of this.#ended) this.#free.push(slot);
    this.#ended = this.#ending;
    this.#ending = [];
    const { transferRate, receivedRate, ackedRate } = this.numbers;
    for (const slot of this.#ended) {
      for (let index = 0; index < rateNames.length; index++)
        this.#noteRate(index, slot, (this.#rates[index]![slot]! * 1000) / interval);
      transferRate[slot] = receivedRate[slot]! + ackedRate[slot]!;
    }
  }

  /** Ends a sample: sockets that were not in it have ended. */
  finish(): Sample {
    for (let slot = 0; slot < this.end; slot++) {
      const seen = this.#seen[slot]!;
      if (seen === 0 || seen === this.#number) continue;
      if (this.state[slot] !== SS_TIME_WAIT) this.#closed++;
      this.#release(slot);
    }
    const interval = this.#startedAt - this.#previousAt;
    this.#finishEnded(interval);
    const [opened, closed] = [this.#opened, this.#closed];
    this.#opened = 0;
    this.#closed = 0;
    return {
      number: this.#number,
      intervalMs: Number.isNaN(interval) ? undefined : interval,
      sockets: this.#live,
      opened: this.#number === 1 ? 0 : opened,
      closed,
      states: [...this.#states],
      totals: Object.fromEntries(
        rateNames.flatMap((name, index) => {
          const total = this.#totals[index]!;
          return Number.isNaN(total) ? [] : [[name, total]];
        }),
      ),
    };
  }

  /** Whether a socket is in a slot. */
  isLive(slot: number): boolean {
    return this.#seen[slot] !== 0;
  }

  /** The table of a socket. */
  dump(slot: number): DumpName {
    return this.#dump[slot]!;
  }

  /** The network namespace of a socket, if several are watched. */
  netns(slot: number): Netns | undefined {
    return this.#netns[slot];
  }

  /** The kernel's cookie of a socket; 0 or less if its source has none. */
  cookie(slot: number): number {
    return this.#cookie[slot]!;
  }

  /** A name of a socket that stays the same from sample to sample. */
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

  /** Whether a key names this socket. */
  isThat(socket: Socket, key: SocketKey): boolean {
    return `${socket.origin.netns?.inode ?? ""}/${socketNumber(socket)}` === key;
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

  /** A connection with only its identity, to fetch it again. */
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

  /** Whether it is a TCP connection. The kernel finds those by their identity. */
  isConnection(slot: number): boolean {
    return this.#dump[slot] === "tcp" && ((1 << this.state[slot]!) & stateGroups.connected) !== 0;
  }

  /** Whether it is an inet socket. */
  isInet(slot: number): boolean {
    return !this.#endpoints.has(slot);
  }

  /** @returns its slot */
  #take(dump: DumpName, socket: Socket, now: number): number {
    const cookie = socketNumber(socket);
    const { netns } = socket.origin;
    const slots = this.#slotsOf(netns);
    let slot = this.#find(slots, cookie, netns);
    const isNew = slot === undefined;
    if (slot === undefined) {
      slot = this.#newSlot();
      slots.set(cookie, slot);
      this.#identify(slot, dump, socket, cookie, netns);
      this.#live++;
    }
    this.#follow(slot);
    if (!isNew && this.#seen[slot] === this.#number) return slot;
    readMetrics(socket, this.#reading);
    this.#update(slot, stateNumber(socket) ?? SS_CLOSE, socket.inode ?? 0, now, isNew);
    return slot;
  }

  /** Takes the socket of a message in the room, whose metrics were read. @returns its slot */
  #takeMessage(
    dump: DumpName,
    netns: Netns | undefined,
    slots: Map<number, number>,
    at: number,
    now: number,
  ): number {
    const word = at >> 2;
    const inode = roomWords[word + INODE_WORD]! >>> 0;
    const cookie =
      (roomWords[word + COOKIE_WORD]! >>> 0) + (roomWords[word + COOKIE_WORD + 1]! >>> 0) * 2 ** 32 || -inode;
    let slot = this.#find(slots, cookie, netns);
    const isNew = slot === undefined;
    if (slot === undefined) {
      slot = this.#newSlot();
      slots.set(cookie, slot);
      this.#dump[slot] = dump;
      this.#netns[slot] = netns;
      this.uid[slot] = roomWords[word + UID_WORD]! >>> 0;
      this.#cookie[slot] = cookie;
      this.process[slot] = 0;
      this.family[slot] = roomBytes[at + FAMILY]!;
      this.localPort[slot] = roomData.getUint16(at + SPORT);
      this.peerPort[slot] = roomData.getUint16(at + DPORT);
      const from = word + ADDRESSES_WORD;
      const to = slot * ADDRESSES_WORDS;
      for (let index = 0; index < ADDRESSES_WORDS; index++)
        this.#words[to + index] = roomWords[from + index]!;
      this.#live++;
    }
    this.#follow(slot);
    if (isNew || this.#seen[slot] !== this.#number)
      this.#update(slot, roomBytes[at + STATE]!, inode, now, isNew);
    return slot;
  }

  #slotsOf(netns: Netns | undefined): Map<number, number> {
    let slots = this.#slots.get(netns);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(netns, slots);
    }
    return slots;
  }

  /** The slot of a known socket. The kernel lists sockets in nearly the same order each time. */
  #find(slots: Map<number, number>, cookie: number, netns: Netns | undefined): number | undefined {
    const guess = this.#following[this.#taken + 1]!;
    if (this.#cookie[guess] === cookie && this.#seen[guess] !== 0 && this.#netns[guess] === netns)
      return guess;
    return slots.get(cookie);
  }

  /** Notes the order in which sockets come. */
  #follow(slot: number): void {
    this.#following[this.#taken + 1] = slot;
    this.#taken = slot;
  }

  /** Notes the current facts about a socket, whose metrics were read. */
  #update(slot: number, state: number, inode: number, now: number, isNew: boolean): void {
    if (state === SS_TIME_WAIT) {
      if (!isNew && this.state[slot] !== SS_TIME_WAIT) this.#closed++;
    } else if (isNew) this.#opened++;
    this.state[slot] = state;
    this.#states[state] = (this.#states[state] ?? 0) + 1;
    // A connection gets its descriptor when it is accepted, and gives it back before it ends.
    this.inode[slot] = inode;
    this.#note(slot, now, isNew);
    this.#seen[slot] = this.#number;
  }

  /** Notes what never changes about a socket. */
  #identify(slot: number, dump: DumpName, socket: Socket, cookie: number, netns: Netns | undefined): void {
    this.#dump[slot] = dump;
    this.#netns[slot] = netns;
    this.uid[slot] = uidNumber(socket) ?? NO_UID;
    this.#cookie[slot] = cookie;
    this.process[slot] = 0;
    this.family[slot] = socket.kind === "tipc" ? 0 : socket.familyNumber;
    if (socket.kind === "inet") this.#identifyInet(slot, socket);
    else this.#endpoints.set(slot, endpointsOf(socket));
  }

  #identifyInet(slot: number, socket: InetSocket): void {
    this.localPort[slot] = socket.sport;
    this.peerPort[slot] = socket.dport;
    const { data, sourceOffset } = socket;
    const both = new Uint8Array(data.buffer, data.byteOffset + sourceOffset, 2 * ADDRESS);
    this.#bytes.set(both, slot * 2 * ADDRESS);
  }

  /** Notes the metrics that were read, and makes rates of their changes. */
  #note(slot: number, now: number, isNew: boolean): void {
    const reading = this.#reading;
    const { numbers } = this;
    const elapsed = isNew ? Number.NaN : now - this.#readAt[slot]!;
    for (let index = 0; index < rateNames.length; index++) {
      const counter = counterIndexes[index]!;
      // The slot may hold the counter of its previous socket: a new socket has no rate.
      const change = reading[counter]! - this.#metrics[counter]![slot]!;
      const rate = (change * 1000) / elapsed;
      const known = change >= 0 && elapsed > 0;
      this.#noteRate(index, slot, known ? rate : Number.NaN);
    }
    numbers.transferRate[slot] = numbers.receivedRate[slot]! + numbers.ackedRate[slot]!;
    for (let index = 0; index < reading.length; index++) this.#metrics[index]![slot] = reading[index]!;
    this.interval[slot] = elapsed;
    this.#readAt[slot] = now;
  }

  /** Sets the rate of a slot, NaN for none, and adds it to the total. */
  #noteRate(index: number, slot: number, rate: number): void {
    this.#rates[index]![slot] = rate;
    if (Number.isNaN(rate)) return;
    this.#totals[index] = Number.isNaN(this.#totals[index]!) ? rate : this.#totals[index]! + rate;
  }

  #newSlot(): number {
    const slot = this.#free.pop() ?? this.end++;
    const capacity = this.#seen.length;
    if (slot >= capacity) this.#grow(capacity * (capacity < LARGE_CAPACITY ? 4 : 2));
    return slot;
  }

  /** Forgets a socket. Its slot keeps the facts about it. */
  #forget(slot: number): void {
    this.#slots.get(this.#netns[slot])?.delete(this.#cookie[slot]!);
    if (this.#seen[slot] === this.#number) this.#states[this.state[slot]!]!--;
    this.#live--;
  }

  #release(slot: number): void {
    this.#forget(slot);
    this.#endpoints.delete(slot);
    this.#netns[slot] = undefined;
    this.#seen[slot] = 0;
    this.#free.push(slot);
  }

  #grow(capacity: number): void {
    for (const name of numberNames) this.numbers[name] = resized(this.numbers[name], Float64Array, capacity);
    this.#metrics = metricNames.map((name) => this.numbers[name]);
    this.#rates = rateNames.map((name) => this.numbers[name]);
    this.state = resized(this.state, Uint8Array, capacity);
    this.family = resized(this.family, Uint8Array, capacity);
    this.localPort = resized(this.localPort, Uint16Array, capacity);
    this.peerPort = resized(this.peerPort, Uint16Array, capacity);
    this.inode = resized(this.inode, Uint32Array, capacity);
    this.uid = resized(this.uid, Uint32Array, capacity);
    this.process = resized(this.process, Uint32Array, capacity);
    this.interval = resized(this.interval, Float64Array, capacity);
    this.#cookie = resized(this.#cookie, Float64Array, capacity);
    this.#readAt = resized(this.#readAt, Float64Array, capacity);
    this.#seen = resized(this.#seen, Uint32Array, capacity);
    this.#following = resized(this.#following, Uint32Array, capacity + 1);
    this.#bytes = resized(this.#bytes, Uint8Array, capacity * 2 * ADDRESS);
    this.addresses = new DataView(this.#bytes.buffer);
    this.#words = new Int32Array(this.#bytes.buffer);
  }
}

/**
 * A number that no other socket of the namespace has: the cookie, which counts up from 1 and so fits a number. A socket
 * from /proc has no cookie; its pointer or inode serves, as a negative number.
 */
export function socketNumber(socket: Socket): number {
  if (socket.kind === "inet") {
    const { data, cookieOffset: at } = socket;
    const cookie = data.getUint32(at, true) + data.getUint32(at + 4, true) * 2 ** 32;
    return cookie || -Number(socket.procfs?.pointer ?? socket.inode);
  }
  return Number(socket.cookie ?? 0n) || -(socket.inode ?? 0);
}
