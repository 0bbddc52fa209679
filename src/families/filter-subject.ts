/** Sockets as filters read them: one reusable object per kind of socket, so that a socket costs no allocation. */
import type { Socket } from "./socket.ts";

/**
 * One socket as predicates read it. Properties may be getters: a filter reads only what it needs. The numbers are those
 * that ss compares; the `subject.ts` of a family says what they are there.
 */
export interface FilterSubject {
  /** AF_*. */
  readonly family: number;
  /** The bytes with the addresses of an inet socket (4 bytes each, or 16 for AF_INET6); unused in other families. */
  readonly addresses: DataView;
  /** Offset of the local address in `addresses`. */
  readonly sourceOffset: number;
  /** Offset of the peer's address in `addresses`. */
  readonly destinationOffset: number;
  /** The local address of a family whose addresses are numbers; 0 in others. */
  readonly sourceWord: number;
  /** The peer's address of a family whose addresses are numbers; 0 in others. */
  readonly destinationWord: number;
  /** The local port, or what the family has in its place: the inode of a unix socket, the interface of a packet one. */
  readonly sport: number;
  /** The peer's port, or what the family has in its place: the inode of the peer of a unix socket. */
  readonly dport: number;
  /** The name of a unix socket: a path without its final NUL, or an abstract name with its NULs. */
  readonly sourceName: Uint8Array;
  /** Whether a unix socket is bound to a name, which may be empty. */
  readonly named: boolean;
  /** The name of the peer of a unix socket; empty if unknown. */
  readonly destinationName: Uint8Array;
  /** Index of the interface that the socket is bound to; 0 for none. */
  readonly interfaceIndex: number;
  /** SO_MARK; 0 if unknown. */
  readonly mark: number;
  /** The id of the version 2 control group; 0 if unknown. */
  readonly cgroupId: bigint;
  /** The socket itself, for Sockscope's own predicates; undefined in tests of ss's predicates. */
  readonly socket: Socket | undefined;
}

/** No bytes. */
export const noBytes: Uint8Array = new Uint8Array(0);

/** The values of properties that a family does not have. */
const blank: FilterSubject = {
  family: 0,
  addresses: new DataView(noBytes.buffer),
  sourceOffset: 0,
  destinationOffset: 0,
  sourceWord: 0,
  destinationWord: 0,
  sport: 0,
  dport: 0,
  sourceName: noBytes,
  named: false,
  destinationName: noBytes,
  interfaceIndex: 0,
  mark: 0,
  cgroupId: 0n,
  socket: undefined,
};

/**
 * Makes what points the reusable subject of a kind at a socket. The subject is valid until the next call.
 *
 * @param readers its properties that read the current socket; the others stay blank
 */
export function filterSubject<S extends Socket>(
  readers: { readonly [K in keyof FilterSubject]?: (socket: S) => FilterSubject[K] },
): (socket: S) => FilterSubject {
  let shown: S;
  const subject = { ...blank };
  for (const [name, read] of Object.entries({ ...readers, socket: (socket: S) => socket }) as [
    keyof FilterSubject,
    (socket: S) => unknown,
  ][])
    Object.defineProperty(subject, name, { get: () => read(shown) });
  return (socket) => {
    shown = socket;
    return subject;
  };
}
