/** Sockets that are made here rather than received: a struct inet_diag_msg with only the known values. */
import type { Origin } from "../../diag/message.ts";
import type { SocketArena } from "../../diag/socket-arena.ts";
import { AF_INET6 } from "../../model/family.ts";
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "./layouts/inet-diag.ts";
import { InetSocket } from "./socket.ts";

/** Bytes of an address in struct inet_diag_msg. */
const ADDRESS_SIZE = 16;

/** Addresses and ports of a socket or flow that does not come from sock_diag. */
export interface InetEndpoints {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** Holds both addresses: 4 bytes each, or 16. */
  readonly bytes: Uint8Array;
  readonly sourceOffset: number;
  readonly destinationOffset: number;
  readonly sport: number;
  readonly dport: number;
}

/** Makes a socket with nothing but addresses, ports and a state. */
export function makeSocket(
  arena: SocketArena,
  endpoints: InetEndpoints,
  state: number,
  origin: Origin,
): InetSocket {
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

/** The cookie as a number: the kernel counts up from 1, and does not reach 2^53. */
export function cookieOf({ data, cookieOffset }: InetSocket): number {
  return data.getUint32(cookieOffset + 4, true) * 0x1_0000_0000 + data.getUint32(cookieOffset, true);
}

/** Writes the cookie of a socket of our own. */
export function setCookie({ data, cookieOffset }: InetSocket, cookie: number): void {
  data.setUint32(cookieOffset, cookie >>> 0, true);
  data.setUint32(cookieOffset + 4, Math.floor(cookie / 0x1_0000_0000), true);
}
