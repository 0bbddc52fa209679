/**
 * Sockets that are kept as the bytes of their messages, or as the places where these can be read again; views of them
 * are made when they are read.
 */
import { keepOutOfLastTier } from "#libc";
import { copyToRoom } from "../bytes/room.ts";
import { align4 } from "../netlink/message.ts";
import type { Recall } from "../netlink/transport.ts";
import type { DiagMessage } from "./message.ts";

/** Bytes of a chunk; a longer message has one of its own. */
const CHUNK = 1 << 20;
/** Numbers before a message: its length in bytes, and its kind. */
const HEAD = 8;
const FIRST_ROOM = 1 << 10;
/** Added to the kind of a message that is not kept itself. */
const ELSEWHERE = 2 ** 31;

/** What messages of one kind have in common. */
interface Kind<S extends DiagMessage> {
  /** One of them: the others have views of the same class and origin. */
  readonly socket: S;
  /** Where they are read again; undefined if they are kept. */
  readonly recall: Recall | undefined;
}

const nothing = new DataView(new ArrayBuffer(0));

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
  /**
   * Where each message is: the index of its chunk, and where it begins there. Of one that is read again: its kind with
   * {@link ELSEWHERE}, and its place.
   */
  #places = new Uint32Array(2 * FIRST_ROOM);
  #count = 0;
  readonly #kinds: Kind<S>[] = [];

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Keeps a socket. What its view has beside the message is lost. */
  add(socket: S): void {
    const recall = socket.origin.recall?.();
    const place = recall === undefined ? -1 : recall.placeOf(socket.offset);
    if (place < 0) this.#add(socket.data, socket.offset, socket.length, this.#kindOf(socket, undefined));
    else this.#addPlace(ELSEWHERE + this.#kindOf(socket, recall), place);
  }

  #addPlace(first: number, second: number): void {
    if (2 * this.#count === this.#places.length) {
      const grown = new Uint32Array(2 * this.#places.length);
      grown.set(this.#places);
      this.#places = grown;
    }
    this.#places[2 * this.#count] = first;
    this.#places[2 * this.#count + 1] = second;
    this.#count++;
  }

  #add(data: DataView, offset: number, length: number, kind: number): void {
    const size = HEAD + align4(length);
    if (this.#used + size > CHUNK) this.#startChunk(size);
    const index = this.#chunks.length - 1;
    const chunk = this.#chunks[index]!;
    const at = this.#used;
    this.#used += size;
    chunk.setUint32(at, length, true);
    chunk.setUint32(at + 4, kind, true);
    copy(chunk, at + HEAD, data, offset, length);
    this.#addPlace(index, at);
  }

  #startChunk(size: number): void {
    const spare = size > CHUNK ? undefined : this.#spare.pop();
    this.#chunks.push(spare ?? new DataView(new ArrayBuffer(Math.max(CHUNK, size))));
    this.#used = 0;
  }

  #kindOf(socket: S, recall: Recall | undefined): number {
    const kinds = this.#kinds;
    for (let kind = kinds.length - 1; kind >= 0; kind--) {
      const each = kinds[kind]!;
      const isLike = each.socket.constructor === socket.constructor && each.socket.origin === socket.origin;
      if (isLike && each.recall === recall) return kind;
    }
    // The memory of a message that is read again is not kept.
    const kept = recall === undefined ? socket : socket.at(nothing, 0);
    return kinds.push({ socket: kept, recall }) - 1;
  }

  /** Calls a function with the bytes of a message, which are valid until the next call. */
  #at<T>(number: number, use: (data: DataView, offset: number, length: number, kind: Kind<S>) => T): T {
    const first = this.#places[2 * number]!;
    const at = this.#places[2 * number + 1]!;
    if (first >= ELSEWHERE) {
      const kind = this.#kinds[first - ELSEWHERE]!;
      const { buffer, byteOffset, length } = kind.recall!.read(at);
      return use(new DataView(buffer, byteOffset, length), 0, length, kind);
    }
    const data = this.#chunks[first]!;
    return use(data, at + HEAD, data.getUint32(at, true), this.#kinds[data.getUint32(at + 4, true)]!);
  }

  /** A view of a socket. */
  view(number: number): S {
    return this.#at(number, (data, offset, length, { socket, recall }) => {
      if (recall === undefined) return socket.of(data, offset, length);
      const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, length).slice();
      return socket.of(new DataView(bytes.buffer), 0, length);
    });
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
      const first = places[2 * number]!;
      const at = places[2 * number + 1]!;
      if (first >= ELSEWHERE) {
        this.#addPlace(first, at);
        continue;
      }
      const data = chunks[first]!;
      this.#add(data, at + HEAD, data.getUint32(at, true), data.getUint32(at + 4, true));
    }
    this.#spare.push(...chunks.filter(({ byteLength }) => byteLength === CHUNK));
  }
}
