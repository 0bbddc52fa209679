/** Sockets that are kept as the bytes of their messages; views of them are made when they are read. */
import { keepOutOfLastTier } from "#libc";
import { copyToRoom } from "../bytes/room.ts";
import { align4 } from "../netlink/message.ts";
import type { DiagMessage } from "./message.ts";

/** Bytes of a chunk; a longer message has one of its own. */
const CHUNK = 1 << 20;
/** Numbers before a message: its length in bytes, and its kind. */
const HEAD = 8;
const FIRST_ROOM = 1 << 10;

/** Messages are the same kind if their views have the same class and origin. */
function isLike(one: DiagMessage, other: DiagMessage): boolean {
  return one.constructor === other.constructor && one.origin === other.origin;
}

/** Copies bytes, four at a time. */
function copy(target: DataView, to: number, source: DataView, from: number, length: number): void {
  const words = length & ~3;
  for (let at = 0; at < words; at += 4) target.setInt32(to + at, source.getInt32(from + at, true), true);
  for (let at = words; at < length; at++) target.setUint8(to + at, source.getUint8(from + at));
}

keepOutOfLastTier(copy);

/** Kept sockets, each by its number from 0 on. */
export class KeptMessages<S extends DiagMessage> {
  #chunks: DataView[] = [];
  /** Chunks that are not in use. */
  #spare: DataView[] = [];
  /** Bytes that the last chunk has in use. */
  #used = CHUNK;
  /** Where each message is: the index of its chunk, and where it begins there. */
  #places = new Uint32Array(2 * FIRST_ROOM);
  #count = 0;
  /** A socket of each kind. */
  readonly #kinds: S[] = [];

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Keeps a socket. What its view has beside the message is lost. */
  add(socket: S): void {
    this.#add(socket.data, socket.offset, socket.length, this.#kindOf(socket));
  }

  #add(data: DataView, offset: number, length: number, kind: number): void {
    const size = HEAD + align4(length);
    if (this.#used + size > CHUNK) this.#startChunk(size);
    if (2 * this.#count === this.#places.length) {
      const grown = new Uint32Array(2 * this.#places.length);
      grown.set(this.#places);
      this.#places = grown;
    }
    const index = this.#chunks.length - 1;
    const chunk = this.#chunks[index]!;
    const at = this.#used;
    this.#used += size;
    chunk.setUint32(at, length, true);
    chunk.setUint32(at + 4, kind, true);
    copy(chunk, at + HEAD, data, offset, length);
    this.#places[2 * this.#count] = index;
    this.#places[2 * this.#count + 1] = at;
    this.#count++;
  }

  #startChunk(size: number): void {
    const spare = size > CHUNK ? undefined : this.#spare.pop();
    this.#chunks.push(spare ?? new DataView(new ArrayBuffer(Math.max(CHUNK, size))));
    this.#used = 0;
  }

  #kindOf(socket: S): number {
    const kinds = this.#kinds;
    for (let kind = kinds.length - 1; kind >= 0; kind--) if (isLike(kinds[kind]!, socket)) return kind;
    return kinds.push(socket) - 1;
  }

  /** Calls a function with the place of a message. */
  #at<T>(number: number, use: (data: DataView, offset: number, length: number, kind: number) => T): T {
    const data = this.#chunks[this.#places[2 * number]!]!;
    const at = this.#places[2 * number + 1]!;
    return use(data, at + HEAD, data.getUint32(at, true), data.getUint32(at + 4, true));
  }

  /** A view of a socket. */
  view(number: number): S {
    return this.#at(number, (data, offset, length, kind) => this.#kinds[kind]!.of(data, offset, length));
  }

  /** Copies a message to the start of the room (`bytes/room.ts`). @returns its length; 0 if it is too long */
  copyToRoom(number: number): number {
    return this.#at(number, (data, offset, length) => (copyToRoom(data, offset, length) ? length : 0));
  }

  /** Keeps only some sockets, in this order. */
  retain(numbers: Uint32Array): void {
    const chunks = this.#chunks;
    const places = this.#places;
    this.#chunks = [];
    this.#places = new Uint32Array(2 * Math.max(FIRST_ROOM, numbers.length));
    this.#used = CHUNK;
    this.#count = 0;
    for (const number of numbers) {
      const data = chunks[places[2 * number]!]!;
      const at = places[2 * number + 1]!;
      this.#add(data, at + HEAD, data.getUint32(at, true), data.getUint32(at + 4, true));
    }
    this.#spare.push(...chunks.filter(({ byteLength }) => byteLength === CHUNK));
  }
}
