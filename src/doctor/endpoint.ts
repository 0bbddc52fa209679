/** Addresses and ports of inet sockets: as keys to count by, and as text. */
import type { InetSocket } from "../families/inet/socket.ts";
import { addressText, isMappedIpv4, isUnspecifiedIpv6 } from "../model/address.ts";
import { endpointText } from "../model/endpoint.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import type { Fill } from "./advice.ts";

/** 127.0.0.0/8 by its first byte. */
const LOOPBACK_NETWORK = 127;

/** The offset of the IPv4 address at `at`, plain or mapped into IPv6; -1 for an IPv6 address. */
function ipv4At(data: DataView, at: number, familyNumber: number): number {
  if (familyNumber !== AF_INET6) return at;
  return isMappedIpv4(data, at) ? at + 12 : -1;
}

/** Whether the address at `at` is a loopback address: 127.0.0.0/8 or ::1. */
export function isLoopback(data: DataView, at: number, familyNumber: number): boolean {
  const ipv4 = ipv4At(data, at, familyNumber);
  if (ipv4 >= 0) return data.getUint8(ipv4) === LOOPBACK_NETWORK;
  return (
    data.getUint32(at) === 0 &&
    data.getUint32(at + 4) === 0 &&
    data.getUint32(at + 8) === 0 &&
    data.getUint32(at + 12) === 1
  );
}

/** The networks that can reach an address. */
export type Reach =
  /** From this host only: 127.0.0.0/8, ::1. */
  | "loopback"
  /** From the same network: private, shared, unique local and link-local addresses. RFC 1918, 6598, 3927, 4193, 4291. */
  | "private"
  /** From anywhere. */
  | "global"
  /** The unspecified address: every address of the host. */
  | "any";

/** Private IPv4 networks: address, prefix length. */
const PRIVATE_IPV4 = [
  [0x0a00_0000, 8],
  [0xac10_0000, 12],
  [0xc0a8_0000, 16],
  [0x6440_0000, 10],
  [0xa9fe_0000, 16],
] as const;

function ipv4Reach(address: number): Reach {
  if (address === 0) return "any";
  if (address >>> 24 === LOOPBACK_NETWORK) return "loopback";
  const isPrivate = PRIVATE_IPV4.some(([network, length]) => (address ^ network) >>> (32 - length) === 0);
  return isPrivate ? "private" : "global";
}

/** The networks that can reach the local address of a socket. */
export function localReach({ data, sourceOffset: at, familyNumber }: InetSocket): Reach {
  const ipv4 = ipv4At(data, at, familyNumber);
  if (ipv4 >= 0) return ipv4Reach(data.getUint32(ipv4));
  if (isLoopback(data, at, familyNumber)) return "loopback";
  if (isUnspecifiedIpv6(data, at)) return "any";
  const [first, second] = [data.getUint8(at), data.getUint8(at + 1)];
  // fc00::/7 and fe80::/10.
  const isPrivate = (first & 0xfe) === 0xfc || (first === 0xfe && (second & 0xc0) === 0x80);
  return isPrivate ? "private" : "global";
}

/** 32-bit words of an address in a key. */
export const ADDRESS_WORDS = 4;

/** Writes the address at `at` into a key as four words; IPv4 as mapped into IPv6, RFC 4291 2.5.5.2. */
export function writeAddress(
  key: Uint32Array,
  word: number,
  data: DataView,
  at: number,
  familyNumber: number,
): void {
  if (familyNumber === AF_INET6) {
    for (let index = 0; index < ADDRESS_WORDS; index++) key[word + index] = data.getUint32(at + index * 4);
    return;
  }
  key[word] = 0;
  key[word + 1] = 0;
  key[word + 2] = 0xffff;
  key[word + 3] = data.getUint32(at);
}

/** Whether the address in a key is an IPv4 address. */
export function isIpv4Key(key: Uint32Array, word: number): boolean {
  return key[word] === 0 && key[word + 1] === 0 && key[word + 2] === 0xffff;
}

/** The address in a key as text. */
export function addressOf(key: Uint32Array, word: number): string {
  const data = new DataView(new ArrayBuffer(ADDRESS_WORDS * 4));
  for (let index = 0; index < ADDRESS_WORDS; index++) data.setUint32(index * 4, key[word + index]!);
  return isIpv4Key(key, word) ? addressText(data, 12, AF_INET) : addressText(data, 0, AF_INET6);
}

/** The network of an address: /24 for IPv4, /64 for IPv6, the smallest that sites are given. */
export function networkOf(key: Uint32Array): string {
  const network = key.slice(0, ADDRESS_WORDS);
  const ipv4 = isIpv4Key(key, 0);
  if (ipv4) network[3]! &= 0xffff_ff00;
  else network.fill(0, 2);
  return `${addressOf(network, 0)}/${ipv4 ? 24 : 64}`;
}

/** An address and a port as text: `10.0.0.1:80`, `[::1]:80`. */
export function endpoint(address: string, port: number): string {
  return endpointText(address, port);
}

/** The address at `at` as text; an IPv4 address mapped into IPv6 is written as IPv4. */
export function addressTextAt(data: DataView, at: number, familyNumber: number): string {
  const ipv4 = ipv4At(data, at, familyNumber);
  return ipv4 >= 0 ? addressText(data, ipv4, AF_INET) : addressText(data, at, AF_INET6);
}

/** The peer's address and port; an IPv4 address mapped into IPv6 is written as IPv4. */
export function peerOf({ data, destinationOffset, familyNumber, dport }: InetSocket): {
  readonly address: string;
  readonly port: number;
} {
  return { address: addressTextAt(data, destinationOffset, familyNumber), port: dport };
}

/** The local address, written as {@link peerOf} does. */
export function localAddress({ data, sourceOffset, familyNumber }: InetSocket): string {
  return addressTextAt(data, sourceOffset, familyNumber);
}

/** Bytes of the IP header and of the ICMP header. RFC 791, RFC 8200, RFC 792, RFC 4443. */
const PING_HEADERS = { ipv4: 20 + 8, ipv6: 40 + 8 } as const;
const ETHERNET_MTU = 1500;

/** How many bytes `ping -s` has to send to a peer for packets of full size. @param pmtu what TCP takes the path MTU to be */
export function pingPayload(address: string, pmtu: number | undefined): number {
  const headers = address.includes(":") ? PING_HEADERS.ipv6 : PING_HEADERS.ipv4;
  return (pmtu === undefined || pmtu <= headers ? ETHERNET_MTU : pmtu) - headers;
}

/** The four values that name one connection, for advice that must not hit another. */
export function connectionFill(
  socket: InetSocket,
): Required<Pick<Fill, "ADDRESS" | "PORT" | "LOCAL" | "LOCALPORT">> {
  const { address, port } = peerOf(socket);
  return { ADDRESS: address, PORT: port, LOCAL: localAddress(socket), LOCALPORT: socket.sport };
}
