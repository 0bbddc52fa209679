/**
 * Sockets of their own: copies that outlive their datagram, and sockets made of trace records. Each is a struct
 * inet_diag_msg, so that filter and columns read it like any other.
 */
import { writeField } from "../bytes/layout.ts";
import type { Origin } from "../diag/message.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { AF_INET6 } from "../model/family.ts";
import { SocketArena } from "../query/socket-arena.ts";

/** Bytes of an address in struct inet_diag_msg. */
const ADDRESS_SIZE = 16;

/** Addresses and ports of a socket or flow that does not come from sock_diag. */
export interface Endpoints {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** Holds both addresses: 4 bytes each, or 16. */
  readonly bytes: Uint8Array;
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  readonly sport: number;
  readonly dport: number;
}

/** The sockets of all sources: small chunks, as sockets live for very different times. */
const arena = new SocketArena(4096);

/** A copy of a socket with its attributes. @param origin replaces the socket's own */
export function keptSocket(socket: InetSocket, origin = socket.origin): InetSocket {
  return arena.copy(socket, origin);
}

/** A socket with nothing but addresses, ports and a state. */
export function bareSocket(endpoints: Endpoints, state: number, origin: Origin): InetSocket {
  const { bytes, data, offset } = arena.allocate(INET_DIAG_MESSAGE_SIZE);
  data.setUint8(offset + inetDiagMessage.familyNumber.offset, endpoints.family);
  data.setUint8(offset + inetDiagMessage.stateNumber.offset, state);
  data.setUint16(offset + inetDiagMessage.sport.offset, endpoints.sport);
  data.setUint16(offset + inetDiagMessage.dport.offset, endpoints.dport);
  const size = endpoints.family === AF_INET6 ? ADDRESS_SIZE : 4;
  const source = offset + inetDiagMessage.source.offset;
  const destination = offset + inetDiagMessage.destination.offset;
  for (let at = 0; at < size; at++) {
    bytes[source + at] = endpoints.bytes[endpoints.sourceOffset + at]!;
    bytes[destination + at] = endpoints.bytes[endpoints.destinationOffset + at]!;
  }
  return new InetSocket(data, offset, INET_DIAG_MESSAGE_SIZE, origin);
}

/** Writes the state of a socket of our own. */
export function setState({ data, offset }: InetSocket, state: number): void {
  writeField(inetDiagMessage.stateNumber, data, offset, state);
}

/** Writes the local port of a socket of our own. */
export function setSport({ data, offset }: InetSocket, sport: number): void {
  data.setUint16(offset + inetDiagMessage.sport.offset, sport);
}

/** Copies inode and user of an older view of the same socket to one of our own. */
export function withHolder(socket: InetSocket, { inode, uid }: InetSocket): InetSocket {
  writeField(inetDiagMessage.inode, socket.data, socket.offset, inode);
  writeField(inetDiagMessage.uid, socket.data, socket.offset, uid);
  return socket;
}

/** Copies addresses and ports as well: a destroyed socket may have lost its peer. */
export function withIdentity(socket: InetSocket, known: InetSocket): InetSocket {
  const { sport, interfaceIndex } = inetDiagMessage;
  for (let at = sport.offset; at < interfaceIndex.offset; at++)
    socket.data.setUint8(socket.offset + at, known.data.getUint8(known.offset + at));
  return withHolder(socket, known);
}

/** The cookie as a number: the kernel counts up from 1, and does not reach 2^53. */
export function cookieOf({ data, cookieOffset }: InetSocket): number {
  return data.getUint32(cookieOffset + 4, true) * 0x1_0000_0000 + data.getUint32(cookieOffset, true);
}

/** Writes the cookie of a socket of our own. */
export function setCookie({ data, cookieOffset }: InetSocket, cookie: number): void {
  data.setUint32(cookieOffset, cookie >>> 0, true);
  data.setUint32(cookieOffset + 4, Math.floor(cookie / 0x1_0000_0000), true);
}

/** Protocol, addresses and ports as a key. */
export function tupleKey({ data, offset, familyNumber, origin }: InetSocket): string {
  const { sport, source } = inetDiagMessage;
  const words = familyNumber === AF_INET6 ? ADDRESS_SIZE / 2 : 2;
  const ports = offset + sport.offset;
  const from = offset + source.offset;
  let key = String.fromCharCode(
    origin.protocol,
    familyNumber,
    data.getUint16(ports),
    data.getUint16(ports + 2),
  );
  for (let word = 0; word < words; word++)
    key += String.fromCharCode(
      data.getUint16(from + word * 2),
      data.getUint16(from + ADDRESS_SIZE + word * 2),
    );
  return key;
}

/** `idiag_timer` of a TIME-WAIT, which stands for a FIN-WAIT-2 without a process as well. */
const TIMEWAIT_TIMER = 3;

/** Whether this is a TIME-WAIT: the socket itself has ended. */
export function lingers({ timerNumber }: InetSocket): boolean {
  return timerNumber === TIMEWAIT_TIMER;
}

/**
 * The keys of the listeners that may have accepted a connection, as {@link tupleKey} makes them: bound to its local
 * address, to all addresses of its family, to all of IPv6.
 */
export function listenerKeys({ data, offset, familyNumber, origin, sport }: InetSocket): readonly string[] {
  const from = offset + inetDiagMessage.source.offset;
  const key = (family: number, words: (word: number) => string) => {
    let text = String.fromCharCode(origin.protocol, family, sport, 0);
    for (let word = 0; word < (family === AF_INET6 ? ADDRESS_SIZE / 2 : 2); word++)
      text += `${words(word)}\0`;
    return text;
  };
  const any = () => "\0";
  const own = (word: number) => String.fromCharCode(data.getUint16(from + word * 2));
  return [key(familyNumber, own), key(familyNumber, any), key(AF_INET6, any)];
}
