/** Addresses of sockets, as rules look at them. */
import type { InetSocket } from "../families/inet/socket.ts";
import { addressText, isMappedIpv4, isUnspecifiedIpv6 } from "../model/address.ts";
import { endpointText } from "../model/endpoint.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";

/** 127.0.0.0/8 by its first byte. */
const LOOPBACK_NETWORK = 127;

/** Where the IPv4 address at `at` stands, be it mapped into IPv6; -1 for an IPv6 address. */
function ipv4At(data: DataView, at: number, familyNumber: number): number {
  if (familyNumber !== AF_INET6) return at;
  return isMappedIpv4(data, at) ? at + 12 : -1;
}

/** Whether the address at `at` is one of the host to itself: 127.0.0.0/8, ::1. */
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

/** Whether a socket is bound to every address of the host. */
export function isWildcard({ data, sourceOffset, familyNumber }: InetSocket): boolean {
  return familyNumber === AF_INET6
    ? isUnspecifiedIpv6(data, sourceOffset)
    : data.getUint32(sourceOffset) === 0;
}

/** The words that an address takes in a key. */
export const ADDRESS_WORDS = 4;

/** Writes the address at `at` as four words; one of IPv4 as it is mapped into IPv6, RFC 4291 2.5.5.2. */
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

/** Whether the address in a key is one of IPv4. */
export function isIpv4Key(key: Uint32Array, word: number): boolean {
  return key[word] === 0 && key[word + 1] === 0 && key[word + 2] === 0xffff;
}

/** The address in a key as text. */
export function addressOf(key: Uint32Array, word: number): string {
  const data = new DataView(new ArrayBuffer(ADDRESS_WORDS * 4));
  for (let index = 0; index < ADDRESS_WORDS; index++) data.setUint32(index * 4, key[word + index]!);
  return isIpv4Key(key, word) ? addressText(data, 12, AF_INET) : addressText(data, 0, AF_INET6);
}

/** The network that an address is counted in: /24 of IPv4, /64 of IPv6, which is what one site has at least. */
export function networkOf(key: Uint32Array): string {
  const network = key.slice(0, ADDRESS_WORDS);
  const ipv4 = isIpv4Key(key, 0);
  if (ipv4) network[3]! &= 0xffff_ff00;
  else network.fill(0, 2);
  return `${addressOf(network, 0)}/${ipv4 ? 24 : 64}`;
}

/** An address and a port as one word of a sentence. */
export function endpoint(address: string, port: number): string {
  return endpointText(address, port);
}

/** The peer of a socket as one word; one of IPv4 that is mapped into IPv6 is the same as without. */
export function peerOf({ data, destinationOffset, familyNumber, dport }: InetSocket): {
  readonly address: string;
  readonly port: number;
} {
  const ipv4 = ipv4At(data, destinationOffset, familyNumber);
  const address =
    ipv4 >= 0 ? addressText(data, ipv4, AF_INET) : addressText(data, destinationOffset, AF_INET6);
  return { address, port: dport };
}
