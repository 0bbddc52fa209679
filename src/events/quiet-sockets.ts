/**
 * TCP sockets that nothing happens to, as rows of typed arrays: a busy host has a hundred thousand of them, and an object
 * for each would cost several times the memory, and time whenever garbage is collected. As soon as anything is known of
 * one, it is taken out and becomes an object again.
 */

import { SlotIndex } from "../bytes/slot-index.ts";
import type { Owner } from "../enrich/processes.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";

const WORD = 4;
const MESSAGE_WORDS = INET_DIAG_MESSAGE_SIZE / WORD;
const STATE_SHIFT = 8 * inetDiagMessage.stateNumber.offset;
const PORTS = inetDiagMessage.sport.offset / WORD;
const COOKIE = inetDiagMessage.cookie.offset / WORD;
const INODE = inetDiagMessage.inode.offset / WORD;
const TWO_32 = 2 ** 32;
const LEAST_ROWS = 64;
const GROWTH = 1.5;
/** The table shrinks when so many times fewer rows are used than there are. */
const SPARSE = 4;
const HASH_FACTOR = 0x0100_0193;

/** What is kept of a quiet socket. */
export interface QuietSocket {
  /** Its struct inet_diag_msg. */
  readonly message: DataView;
  /** The number of its network namespace. */
  readonly place: number;
  /** Address of its struct sock in kernel memory; 0 if unknown. */
  readonly address: number;
  /** When it was opened or first seen; undefined if it existed at the start. */
  readonly openedMs: number | undefined;
  /** Whether a listener accepted it. */
  readonly accepted: boolean;
  readonly owners: readonly Owner[] | undefined;
  /** The last listing that had it. */
  readonly generation: number;
}

/** A hash of addresses and ports as `tupleKey` makes them. */
function tupleHash(tuple: string): number {
  let hash = 0;
  for (let index = 0; index < tuple.length; index++)
    hash = Math.imul(hash ^ tuple.charCodeAt(index), HASH_FACTOR);
  return hash;
}

function numberHash(low: number, high: number): number {
  return low ^ Math.imul(high, HASH_FACTOR);
}

function highWord(value: number): number {
  return Math.floor(value / TWO_32);
}

/** The columns of a table with so many rows. */
function makeColumns(rows: number) {
  const words = new Uint32Array(rows * MESSAGE_WORDS);
  return {
    rows,
    words,
    bytes: new Uint8Array(words.buffer),
    /** -1 in a row that is free. */
    places: new Int32Array(rows).fill(-1),
    addresses: new Float64Array(rows),
    /** NaN for a socket that existed at the start. */
    openedMs: new Float64Array(rows),
    generations: new Uint32Array(rows),
    tupleHashes: new Int32Array(rows),
    accepted: new Uint8Array(rows),
  };
}

/** The quiet sockets, by cookie, memory address and tuple. */
export class QuietSockets {
  #columns = makeColumns(LEAST_ROWS);
  #count = 0;
  /** Rows from here on were never used; those before it that are free are in `#free`. */
  #end = 0;
  #free: number[] = [];
  /** The row after the one that was listed last: the kernel lists sockets in the same order again. */
  #likely = 0;
  /** Owners that nobody else would find again, by row. */
  #owners = new Map<number, readonly Owner[]>();
  readonly #byCookie = new SlotIndex((row) => this.#cookieHash(row));
  readonly #byAddress = new SlotIndex((row) => this.#addressHash(row));
  readonly #byTuple = new SlotIndex((row) => this.#columns.tupleHashes[row]!);

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** Adds a socket. @param tuple its addresses and ports, by which {@link withTuple} finds it */
  add({ message, place, address, openedMs, accepted, owners, generation }: QuietSocket, tuple: string): void {
    if (this.#free.length === 0 && this.#end === this.#columns.rows)
      this.#resize(Math.ceil(this.#end * GROWTH));
    const row = this.#free.pop() ?? this.#end++;
    const columns = this.#columns;
    const { buffer, byteOffset } = message;
    columns.bytes.set(
      new Uint8Array(buffer, byteOffset, INET_DIAG_MESSAGE_SIZE),
      row * INET_DIAG_MESSAGE_SIZE,
    );
    columns.places[row] = place;
    columns.addresses[row] = address;
    columns.openedMs[row] = openedMs ?? Number.NaN;
    columns.generations[row] = generation;
    columns.tupleHashes[row] = tupleHash(tuple);
    columns.accepted[row] = accepted ? 1 : 0;
    if (owners !== undefined) this.#owners.set(row, owners);
    this.#count++;
    this.#index(row);
  }

  /** The row of the socket with a cookie; -1 if there is none. */
  withCookie(cookie: number): number {
    const low = cookie >>> 0;
    const high = highWord(cookie);
    const { words } = this.#columns;
    const index = this.#byCookie;
    for (let place = index.first(numberHash(low, high)); ; place = index.next(place)) {
      const row = index.at(place);
      if (row < 0) return -1;
      const at = row * MESSAGE_WORDS + COOKIE;
      if (words[at] === low && words[at + 1] === high) return row;
    }
  }

  /** The row of the socket at an address in kernel memory; -1 if there is none. */
  withAddress(address: number): number {
    const index = this.#byAddress;
    for (let place = index.first(numberHash(address >>> 0, highWord(address))); ; place = index.next(place)) {
      const row = index.at(place);
      if (row < 0 || this.#columns.addresses[row] === address) return row;
    }
  }

  /** The row of a socket of a place with these addresses and ports; -1 if there is none. @param tupleOf those of a message */
  withTuple(place: number, tuple: string, tupleOf: (message: DataView) => string): number {
    const hash = tupleHash(tuple);
    const index = this.#byTuple;
    for (let at = index.first(hash); ; at = index.next(at)) {
      const row = index.at(at);
      if (row < 0) return -1;
      const { places, tupleHashes } = this.#columns;
      if (places[row] === place && tupleHashes[row] === hash && tupleOf(this.#message(row)) === tuple)
        return row;
    }
  }

  /**
   * Marks a socket as listed, if it is as it was.
   *
   * @returns undefined if there is no such socket
   */
  isSame(
    place: number,
    cookie: number,
    stateNumber: number,
    inode: number,
    sport: number,
    dport: number,
    generation: number,
  ): boolean | undefined {
    const likely = this.#likely;
    const row = this.#has(likely, cookie) ? likely : this.withCookie(cookie);
    if (row < 0) return undefined;
    this.#likely = row + 1;
    const { words, places, generations } = this.#columns;
    const at = row * MESSAGE_WORDS;
    if (places[row] !== place || ((words[at]! >>> STATE_SHIFT) & 0xff) !== stateNumber) return false;
    const ports = words[at + PORTS]!;
    const isSame =
      words[at + INODE] === inode &&
      (((ports & 0xff) << 8) | ((ports >>> 8) & 0xff)) === sport &&
      (((ports >>> 8) & 0xff00) | (ports >>> 24)) === dport;
    if (isSame) generations[row] = generation;
    return isSame;
  }

  /** Takes a socket out. Its message is valid until the next change. */
  take(row: number): QuietSocket {
    const { places, addresses, openedMs, generations, accepted } = this.#columns;
    const opened = openedMs[row]!;
    const taken: QuietSocket = {
      message: this.#message(row),
      place: places[row]!,
      address: addresses[row]!,
      openedMs: Number.isNaN(opened) ? undefined : opened,
      accepted: accepted[row] === 1,
      owners: this.#owners.get(row),
      generation: generations[row]!,
    };
    this.#byCookie.remove(row);
    this.#byTuple.remove(row);
    if (taken.address !== 0) this.#byAddress.remove(row);
    this.#owners.delete(row);
    places[row] = -1;
    this.#free.push(row);
    this.#count--;
    return taken;
  }

  /** The sockets of a place that a listing did not have; of all listings if `generation` is 0. */
  missing(place: number, generation: number): number[] {
    const { places, generations } = this.#columns;
    const rows: number[] = [];
    for (let row = 0; row < this.#end; row++)
      if (places[row] === place && generations[row] !== generation) rows.push(row);
    return rows;
  }

  /** Gives memory back, if most rows are free. */
  shrink(): void {
    if (this.#columns.rows > LEAST_ROWS && this.#count * SPARSE < this.#columns.rows)
      this.#resize(Math.max(LEAST_ROWS, Math.ceil(this.#count * GROWTH)));
  }

  /** The time of day was set: times that were noted before are those of the new clock. @param ms how far it was set */
  shiftTimes(ms: number): void {
    const { openedMs } = this.#columns;
    for (let row = 0; row < this.#end; row++) openedMs[row] = openedMs[row]! + ms;
  }

  /** Whether a row is used, and has a cookie. */
  #has(row: number, cookie: number): boolean {
    const { words, places } = this.#columns;
    const at = row * MESSAGE_WORDS + COOKIE;
    return row < this.#end && places[row]! >= 0 && words[at + 1]! * TWO_32 + words[at]! === cookie;
  }

  #message(row: number): DataView {
    return new DataView(this.#columns.bytes.buffer, row * INET_DIAG_MESSAGE_SIZE, INET_DIAG_MESSAGE_SIZE);
  }

  #cookieHash(row: number): number {
    const { words } = this.#columns;
    const at = row * MESSAGE_WORDS + COOKIE;
    return numberHash(words[at]!, words[at + 1]!);
  }

  #addressHash(row: number): number {
    const address = this.#columns.addresses[row]!;
    return numberHash(address >>> 0, highWord(address));
  }

  #index(row: number): void {
    this.#byCookie.add(row);
    this.#byTuple.add(row);
    if (this.#columns.addresses[row] !== 0) this.#byAddress.add(row);
  }

  /** Moves all sockets to the beginning of a table with so many rows. */
  #resize(rows: number): void {
    const from = this.#columns;
    const to = makeColumns(rows);
    const owners = new Map<number, readonly Owner[]>();
    let end = 0;
    for (let row = 0; row < this.#end; row++) {
      if (from.places[row]! < 0) continue;
      const message = from.words.subarray(row * MESSAGE_WORDS, (row + 1) * MESSAGE_WORDS);
      to.words.set(message, end * MESSAGE_WORDS);
      to.places[end] = from.places[row]!;
      to.addresses[end] = from.addresses[row]!;
      to.openedMs[end] = from.openedMs[row]!;
      to.generations[end] = from.generations[row]!;
      to.tupleHashes[end] = from.tupleHashes[row]!;
      to.accepted[end] = from.accepted[row]!;
      const known = this.#owners.get(row);
      if (known !== undefined) owners.set(end, known);
      end++;
    }
    this.#columns = to;
    this.#owners = owners;
    this.#end = end;
    this.#free = [];
    this.#byCookie.clear();
    this.#byAddress.clear();
    this.#byTuple.clear();
    for (let row = 0; row < end; row++) this.#index(row);
  }
}
