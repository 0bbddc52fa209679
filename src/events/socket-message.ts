/**
 * Sockets with their own buffer: copies that outlive their datagram, and sockets made from trace records. Each is a struct
 * inet_diag_msg, so that filter and columns read it like any other.
 */
import { writeField } from "../bytes/layout.ts";
import type { Origin } from "../diag/message.ts";
import { SocketArena } from "../diag/socket-arena.ts";
import { inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { type InetEndpoints, makeSocket } from "../families/inet/made-socket.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { AF_INET6 } from "../model/family.ts";

/** Bytes of an address in struct inet_diag_msg. */
const ADDRESS_SIZE = 16;

/** The sockets of all sources: small chunks, as sockets live for very different times. */
const arena = new SocketArena(4096);

/** A copy of a socket with its attributes. @param origin replaces the socket's own */
export function keptSocket(socket: InetSocket, origin = socket.origin): InetSocket {
  return arena.copy(socket, origin);
}

/** A socket with nothing but addresses, ports and a state. */
export function bareSocket(endpoints: InetEndpoints, state: number, origin: Origin): InetSocket {
  return makeSocket(arena, endpoints, state, origin);
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
