/** IP addresses and prefixes as ss reads them. */

import { integer, U8_MAX, unsigned } from "../bytes/c-numbers.ts";
import { parseIpv6 } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";

/** A network: all addresses whose first bits equal those of `address`. */
export interface Prefix {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Bits to compare. */
  readonly length: number;
}

/** Bytes of an IPv4 and an IPv6 address. */
export const IPV4_BYTES = 4;
export const IPV6_BYTES = 16;

/** The prefix of a single address. */
export function wholeAddress(address: Uint8Array): Prefix {
  return { address, length: address.length * 8 };
}

/** An IPv4 address of one to four parts in any base, filled from the left: `127.1` is 127.1.0.0. */
function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length > IPV4_BYTES) return undefined;
  const address = new Uint8Array(IPV4_BYTES);
  for (const [index, part] of parts.entries()) {
    const byte = unsigned(part, U8_MAX);
    if (byte === undefined) return undefined;
    address[index] = byte;
  }
  return address;
}

/**
 * Reads digits and dots that resolvers take for an IPv4 address without a look-up. The last part fills all remaining
 * bytes, so 256 is 0.0.1.0. inet_aton(3), gethostbyname(3).
 */
export function parseNumericHost(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length > IPV4_BYTES || !/^[0-9.]+$/.test(text)) return undefined;
  const last = unsigned(parts.pop()!, 256 ** (IPV4_BYTES - parts.length) - 1);
  const first = parts.map((part) => unsigned(part, U8_MAX));
  if (last === undefined || first.includes(undefined)) return undefined;
  const address = new Uint8Array(IPV4_BYTES);
  new DataView(address.buffer).setUint32(0, last);
  for (const [index, byte] of first.entries()) address[index] = byte!;
  return address;
}

/** The prefix length of a dotted netmask; undefined if its ones are not all at the left. */
function netmaskLength(text: string): number | undefined {
  const bytes = parseIpv4(text);
  if (bytes === undefined) return undefined;
  const mask = new DataView(bytes.buffer).getUint32(0);
  const length = Math.clz32(~mask);
  return mask << length === 0 || length === 32 ? length : undefined;
}

function prefixLength(text: string, max: number): number | undefined {
  if (integer(text) !== undefined) return unsigned(text, max);
  return netmaskLength(text);
}

/**
 * Reads `ADDRESS` or `ADDRESS/LENGTH`. A dotted netmask may stand for the length.
 *
 * @param family the AF_* that the address must have; undefined for any
 */
export function parsePrefix(text: string, family: number | undefined): Prefix | undefined {
  const slash = text.indexOf("/");
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const own = addressText.includes(":") ? AF_INET6 : AF_INET;
  if (family !== undefined && family !== own) return undefined;
  const address = own === AF_INET6 ? parseIpv6(addressText) : parseIpv4(addressText);
  if (address === undefined) return undefined;
  const length = slash < 0 ? address.length * 8 : prefixLength(text.slice(slash + 1), address.length * 8);
  return length === undefined ? undefined : { address, length };
}
