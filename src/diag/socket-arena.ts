/** Copies of sockets: their messages in chunks of memory that they share. */

import { align4 } from "../netlink/message.ts";
import type { DiagMessage, Origin } from "./message.ts";

/** Room for a message. */
export interface Room {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly data: DataView;
  readonly offset: number;
}

function newChunk(size: number) {
  const bytes = new Uint8Array(size);
  return { bytes, data: new DataView(bytes.buffer), used: 0 };
}

/** Memory for copies. A chunk is freed when the last copy in it is. */
export class SocketArena {
  readonly #size: number;
  #chunk = newChunk(0);

  /** @param size bytes of a chunk; a copy that outlives its neighbours keeps as many */
  constructor(size: number) {
    this.#size = size;
  }

  /** Room of zeros. What is larger than a chunk has memory of its own. */
  allocate(length: number): Room {
    if (length > this.#size) return { ...newChunk(length), offset: 0 };
    if (this.#chunk.used + length > this.#chunk.bytes.length) this.#chunk = newChunk(this.#size);
    const { bytes, data, used: offset } = this.#chunk;
    this.#chunk.used += align4(length);
    return { bytes, data, offset };
  }

  /** A copy of a socket, with its attributes. @param origin replaces the socket's own */
  copy<S extends DiagMessage>(socket: S, origin: Origin = socket.origin): S {
    const { length } = socket;
    const { bytes, data, offset } = this.allocate(length);
    bytes.set(new Uint8Array(socket.data.buffer, socket.data.byteOffset + socket.offset, length), offset);
    return socket.at(data, offset, origin);
  }
}
