/** The kernel's messages of one sample, by the slots of the live table: a socket is decoded when somebody reads it. */
import { ROOM_SIZE, roomBytes, roomWords } from "../bytes/room.ts";
import type { Origin } from "../diag/message.ts";
import { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import { NLMSG_HDRLEN } from "../netlink/constants.ts";
import { align4 } from "../netlink/message.ts";

/** Bytes of a chunk, as a power of two; the largest datagram fits into one. */
const CHUNK_BITS = 20;
const CHUNK_SIZE = 1 << CHUNK_BITS;
/** Where fields of struct nlmsghdr are, from its end: `nlmsg_len`, and `nlmsg_seq`, which holds the origin here. */
const LENGTH = -NLMSG_HDRLEN;
const ORIGIN = 8 - NLMSG_HDRLEN;

/** The sockets of a sample by their slots. */
export interface SocketsBySlot {
  /** One more than the last slot that has a socket. */
  readonly length: number;
  /** Whether a slot has a socket. */
  has(slot: number): boolean;
  /** A view of the socket in a slot; a new one in each call. */
  at(slot: number): Socket | undefined;
  /** Keeps the sockets valid. @returns a function that ends this; calls after the first do nothing */
  hold(): () => void;
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly data: DataView;
}

/** Keeps the messages of one sample. Its memory can be used for another sample when nobody reads this one any more. */
export class SampleMessages implements SocketsBySlot {
  readonly #chunks: Chunk[] = [];
  /** How many chunks are in use, and the bytes used of the last of them. */
  #count = 0;
  #used = CHUNK_SIZE;
  /** Bytes of the room that are to be copied behind the used ones; 0 if nothing is. */
  #pending = 0;
  /** Where the message of each slot begins, over all chunks; 0 for none. */
  #places = new Uint32Array(1024);
  #origins: Origin[] = [];
  /** Sockets that did not come in messages of inet tables. */
  readonly #others = new Map<number, Socket>();
  #length = 0;
  #holders = 0;
  readonly #released: ((messages: SampleMessages) => void) | undefined;

  /** @param released is called when the last holder has gone: then {@link clear} may be called */
  constructor(released?: (messages: SampleMessages) => void) {
    this.#released = released;
  }

  get length(): number {
    return this.#length;
  }

  has(slot: number): boolean {
    return (this.#places[slot] ?? 0) !== 0 || this.#others.has(slot);
  }

  at(slot: number): Socket | undefined {
    const place = this.#places[slot] ?? 0;
    if (place === 0) return this.#others.get(slot);
    const { data } = this.#chunks[place >>> CHUNK_BITS]!;
    const at = place & (CHUNK_SIZE - 1);
    const length = data.getUint32(at + LENGTH, true) - NLMSG_HDRLEN;
    return new InetSocket(data, at, length, this.#origins[data.getUint32(at + ORIGIN, true)]!);
  }

  hold(): () => void {
    this.#holders++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders--;
      if (this.#holders === 0) this.#released?.(this);
    };
  }

  /** Forgets the sockets, and keeps the memory that they needed. */
  clear(): void {
    this.#chunks.length = this.#count;
    this.#count = 0;
    this.#used = CHUNK_SIZE;
    this.#pending = 0;
    this.#places.fill(0);
    this.#origins = [];
    this.#others.clear();
    this.#length = 0;
  }

  /** Announces where the next messages come from. @returns the number of the origin, for {@link keep} */
  from(origin: Origin): number {
    return this.#origins.push(origin) - 1;
  }

  /**
   * Keeps a message in the room (`bytes/room.ts`). It is copied when {@link settle} is called.
   *
   * @param offset of its fixed struct in the room
   */
  keep(slot: number, origin: number, offset: number, length: number): void {
    let at = offset;
    if (at < NLMSG_HDRLEN) {
      // It was brought into the room without its header.
      at = NLMSG_HDRLEN;
      this.settle();
      roomBytes.copyWithin(at, offset, offset + length);
      roomWords[(at + LENGTH) >> 2] = NLMSG_HDRLEN + length;
    }
    roomWords[(at + ORIGIN) >> 2] = origin;
    if (this.#pending === 0 && this.#used + ROOM_SIZE > CHUNK_SIZE) this.#nextChunk();
    this.#pending = at + align4(length);
    this.#setPlace(slot, (this.#count - 1) * CHUNK_SIZE + this.#used + at);
    if (offset < NLMSG_HDRLEN) this.settle();
  }

  /** Copies the messages that were kept since the last call. Call it before the next datagram is received. */
  settle(): void {
    if (this.#pending === 0) return;
    this.#chunks[this.#count - 1]!.bytes.set(roomBytes.subarray(0, this.#pending), this.#used);
    this.#used += this.#pending;
    this.#pending = 0;
  }

  /** Keeps a socket whose memory nobody else uses. */
  keepSocket(slot: number, socket: Socket): void {
    this.#setPlace(slot, 0);
    this.#others.set(slot, socket);
  }

  #nextChunk(): void {
    if (this.#count === this.#chunks.length) {
      const bytes = new Uint8Array(CHUNK_SIZE);
      this.#chunks.push({ bytes, data: new DataView(bytes.buffer) });
    }
    this.#count++;
    this.#used = 0;
  }

  #setPlace(slot: number, place: number): void {
    if (slot >= this.#places.length) {
      const larger = new Uint32Array(Math.max(slot + 1, this.#places.length * 2));
      larger.set(this.#places);
      this.#places = larger;
    }
    this.#places[slot] = place;
    if (slot >= this.#length) this.#length = slot + 1;
  }
}
