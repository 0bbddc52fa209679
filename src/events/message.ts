/**
 * Sockets that outlive the datagram that they came in, and sockets that never came in one: each is a struct
 * inet_diag_msg of its own, so that the filter and the columns read it like any other.
 */
import { writeField } from "../bytes/layout.ts";
import type { Origin } from "../diag/message.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../families/inet/socket.ts";
import { AF_INET6 } from "../model/family.ts";
import { align4 } from "../netlink/message.ts";

/** Bytes of an address in struct inet_diag_msg. */
const ADDRESS_SIZE = 16;

/** What is known of a socket that the kernel has told of elsewhere than in sock_diag. */
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

/** Sockets share blocks of memory: one that outlives its neighbours keeps no more than this. */
const BLOCK_SIZE = 4096;

/** The block that the next sockets go to. */
let block = newBlock();

function newBlock() {
  const bytes = new Uint8Array(BLOCK_SIZE);
  return { bytes, data: new DataView(bytes.buffer), used: 0 };
}

/** Takes a part of a block, filled with zeros: where it begins. What is longer has a block of its own. */
function allocate(length: number): {
  readonly bytes: Uint8Array;
  readonly data: DataView;
  readonly offset: number;
} {
  if (length > BLOCK_SIZE) {
    const bytes = new Uint8Array(length);
    return { bytes, data: new DataView(bytes.buffer), offset: 0 };
  }
  if (block.used + length > BLOCK_SIZE) block = newBlock();
  const { bytes, data, used: offset } = block;
  block.used += align4(length);
  return { bytes, data, offset };
}

/** A copy of a socket, with its attributes. @param origin where it was listed, if the socket itself does not know */
export function keptSocket(socket: InetSocket, origin = socket.origin): InetSocket {
  const { length } = socket;
  const { bytes, data, offset } = allocate(length);
  bytes.set(new Uint8Array(socket.data.buffer, socket.data.byteOffset + socket.offset, length), offset);
  return new InetSocket(data, offset, length, origin);
}

/** A socket with nothing but addresses, ports and a state. */
export function bareSocket(endpoints: Endpoints, state: number, origin: Origin): InetSocket {
  const { bytes, data, offset } = allocate(INET_DIAG_MESSAGE_SIZE);
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

/** Changes the state of a socket that is ours to change. */
export function setState({ data, offset }: InetSocket, state: number): void {
  writeField(inetDiagMessage.stateNumber, data, offset, state);
}

/** Changes the local port of a socket that is ours to change. */
export function setSport({ data, offset }: InetSocket, sport: number): void {
  data.setUint16(offset + inetDiagMessage.sport.offset, sport);
}

/** A socket that is ours to change, with the inode and user of what was known of it before. */
export function withHolder(socket: InetSocket, { inode, uid }: InetSocket): InetSocket {
  writeField(inetDiagMessage.inode, socket.data, socket.offset, inode);
  writeField(inetDiagMessage.uid, socket.data, socket.offset, uid);
  return socket;
}

/** The same with the addresses and ports, too: a socket that has ended may have lost its peer. */
export function withIdentity(socket: InetSocket, known: InetSocket): InetSocket {
  const { sport, interfaceIndex } = inetDiagMessage;
  for (let at = sport.offset; at < interfaceIndex.offset; at++)
    socket.data.setUint8(socket.offset + at, known.data.getUint8(known.offset + at));
  return withHolder(socket, known);
}

/** The cookie as a number: it is counted up from 1, so that none of a kernel's life gets beyond 2^53. */
export function cookieOf({ data, cookieOffset }: InetSocket): number {
  return data.getUint32(cookieOffset + 4, true) * 0x1_0000_0000 + data.getUint32(cookieOffset, true);
}

/** Writes the cookie of a socket that is ours to change. */
export function setCookie({ data, cookieOffset }: InetSocket, cookie: number): void {
  data.setUint32(cookieOffset, cookie >>> 0, true);
  data.setUint32(cookieOffset + 4, Math.floor(cookie / 0x1_0000_0000), true);
}

/** Protocol, addresses and ports as one string that only serves to be compared. */
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

/** The timer of what stands in for a connection that has ended: of TIME-WAIT, and of FIN-WAIT-2 without a process. */
const TIMEWAIT_TIMER = 3;

/** Whether this is no socket any more, but only remembers that there was a connection. */
export function lingers({ timerNumber }: InetSocket): boolean {
  return timerNumber === TIMEWAIT_TIMER;
}
