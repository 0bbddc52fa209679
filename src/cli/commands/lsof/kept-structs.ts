/** The Internet sockets of a listing as the structs that the kernel sent, by inode: no view a socket. */
import { keepOutOfLastTier } from "#libc";
import { copyToRoom, roomWords } from "../../../bytes/room.ts";
import type { Origin } from "../../../diag/message.ts";
import type { DirectRows } from "../../../families/direct-rows.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../../../families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../../../families/inet/socket.ts";
import type { InetTable } from "../../../model/inet-tables.ts";

/** 32-bit words of a socket. */
export const SOCKET_WORDS = INET_DIAG_MESSAGE_SIZE >> 2;

const INODE_WORD = inetDiagMessage.inode.offset >> 2;
const FIRST_ROOM = 1024;
/** Spreads inodes over the index: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1;
const origin: Origin = { protocol: 0 };

/** Sockets that were kept, each by its number from 0 on. */
export class KeptStructs {
  /** The structs one behind the other, {@link SOCKET_WORDS} each. */
  words = new Int32Array(FIRST_ROOM * SOCKET_WORDS);
  /** The same memory as a view. */
  data = new DataView(this.words.buffer);
  /** How many there are. */
  count = 0;

  readonly #tables: InetTable[] = [];
  /** The number of the first socket of each table. */
  readonly #starts: number[] = [];
  /** Numbers of sockets plus 1, each at a place that its inode gives. Length: a power of 2. */
  #index = new Int32Array(0);

  /** Makes what keeps the sockets of a table that have an inode. @param arrived called before the first */
  keeper(table: InetTable, arrived: () => void): DirectRows<InetSocket> {
    this.#tables.push(table);
    this.#starts.push(this.count);
    const put = (offset: number): boolean => {
      const from = offset >> 2;
      if (roomWords[from + INODE_WORD] === 0) return true;
      if (this.count === 0) arrived();
      let at = this.count * SOCKET_WORDS;
      if (at === this.words.length) this.#grow();
      const { words } = this;
      for (let word = from; word < from + SOCKET_WORDS; word++) words[at++] = roomWords[word]!;
      this.count++;
      return true;
    };
    keepOutOfLastTier(put);
    return {
      put,
      write({ data, offset }) {
        if (copyToRoom(data, offset, INET_DIAG_MESSAGE_SIZE)) put(0);
      },
    };
  }

  #grow(): void {
    const grown = new Int32Array(this.words.length * 2);
    grown.set(this.words);
    this.words = grown;
    this.data = new DataView(grown.buffer);
  }

  /** Makes the index. To be called when all sockets are kept. */
  index(): void {
    let size = FIRST_ROOM;
    while (size < this.count * 2) size *= 2;
    const index = new Int32Array(size);
    const { words, count } = this;
    for (let socket = 0; socket < count; socket++) {
      const inode = words[socket * SOCKET_WORDS + INODE_WORD]!;
      let place = (Math.imul(inode, SPREAD) >>> 7) & (size - 1);
      while (index[place] !== 0) place = (place + 1) & (size - 1);
      index[place] = socket + 1;
    }
    this.#index = index;
  }

  /** The number of the socket of an inode; -1 if it is not kept. */
  find(inode: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    const { words } = this;
    let place = (Math.imul(inode, SPREAD) >>> 7) & mask;
    for (let found = index[place]!; found !== 0; found = index[place]!) {
      if (words[(found - 1) * SOCKET_WORDS + INODE_WORD] === (inode | 0)) return found - 1;
      place = (place + 1) & mask;
    }
    return -1;
  }

  /** The table of a socket. */
  table(socket: number): InetTable {
    let last = 0;
    for (let next = 1; next < this.#starts.length && this.#starts[next]! <= socket; next++) last = next;
    return this.#tables[last]!;
  }

  /** A view of a socket. */
  view(socket: number): InetSocket {
    return new InetSocket(this.data, socket * INET_DIAG_MESSAGE_SIZE, INET_DIAG_MESSAGE_SIZE, origin);
  }
}

keepOutOfLastTier(KeptStructs.prototype.index, KeptStructs.prototype.find);
