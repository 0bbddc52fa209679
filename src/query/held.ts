/** Sockets that come before it is their turn. */
import { InetSocket } from "../families/inet/socket.ts";

/** Bytes that are allocated at a time. */
const CHUNK = 1 << 16;
/** What is held at most, in bytes: some 100,000 sockets without details. */
const LIMIT = 1 << 24;

/** Keeps sockets until it is their turn. */
export interface HeldSockets {
  /** Holds a socket. If it is one too many, all are let go, and no more are held. */
  hold(socket: InetSocket): void;
  /** The sockets in the order in which they came, or undefined if they were too many. */
  release(): readonly InetSocket[] | undefined;
}

/**
 * Makes room for sockets.
 *
 * @param copies whether the memory that they come in is used again, so that they must be copied
 */
export function heldSockets(copies: boolean, limit: number = LIMIT): HeldSockets {
  let held: InetSocket[] | undefined = [];
  let bytes = 0;
  let chunk = new Uint8Array(0);
  let data = new DataView(chunk.buffer);
  let end = 0;

  function copy({ data: from, offset, length, origin }: InetSocket): InetSocket {
    if (end + length > chunk.length) {
      chunk = new Uint8Array(Math.max(CHUNK, length));
      data = new DataView(chunk.buffer);
      end = 0;
    }
    const at = end;
    chunk.set(new Uint8Array(from.buffer, from.byteOffset + offset, length), at);
    end += length;
    return new InetSocket(data, at, length, origin);
  }

  return {
    hold(socket) {
      if (held === undefined) return;
      bytes += socket.length;
      if (bytes > limit && copies) held = undefined;
      else held.push(copies ? copy(socket) : socket);
    },
    release: () => held,
  };
}
