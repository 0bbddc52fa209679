/** IP addresses as text, formatted like the C library's inet_ntop. RFC 5952. */
import { keepOutOfLastTier } from "#libc";
import { OVERSHOOT, putHex } from "../bytes/put.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { AF_INET6 } from "./family.ts";

const COLON = 0x3a;

/** Room for the text of any address, with {@link OVERSHOOT}. */
export const ADDRESS_ROOM = 45 + OVERSHOOT;

/** The text of each byte with the dot behind it in its lower bytes, the first in the lowest; 0 where not made yet. */
const octets = new Int32Array(256);
/** Bytes of each of these texts, without the dot. */
const octetLengths = new Uint8Array(256);

function makeOctet(value: number): number {
  const text = `${value}.`;
  let word = 0;
  for (let index = text.length - 1; index >= 0; index--) word = (word << 8) | text.charCodeAt(index);
  octets[value] = word;
  octetLengths[value] = text.length - 1;
  return word;
}

/** Writes an IPv4 address, given as the little-endian word that its bytes make, as a dotted quad. */
export function putIpv4Word(target: DataView, at: number, word: number): number {
  let octet = word & 0xff;
  target.setInt32(at, octets[octet]! || makeOctet(octet), true);
  let next = at + octetLengths[octet]! + 1;
  octet = (word >>> 8) & 0xff;
  target.setInt32(next, octets[octet]! || makeOctet(octet), true);
  next += octetLengths[octet]! + 1;
  octet = (word >>> 16) & 0xff;
  target.setInt32(next, octets[octet]! || makeOctet(octet), true);
  next += octetLengths[octet]! + 1;
  octet = word >>> 24;
  target.setInt32(next, octets[octet]! || makeOctet(octet), true);
  return next + octetLengths[octet]!;
}

/** Writes the four bytes at `from` to `at` as a dotted quad. @returns the position after it */
export function putIpv4(target: DataView, at: number, data: DataView, from: number): number {
  return putIpv4Word(target, at, data.getInt32(from, true));
}

/**
 * Writes the sixteen bytes at `from` to `at` like inet_ntop: the longest run of zero words becomes `::`, the first one if
 * two are equally long. IPv4-mapped and IPv4-compatible addresses end in a dotted quad.
 *
 * @returns the position after it
 */
export function putIpv6(target: DataView, at: number, data: DataView, from: number): number {
  let runStart = -1;
  let runLength = 1;
  for (let word = 0; word < 8; word++) {
    const start = word;
    while (word < 8 && data.getUint16(from + word * 2) === 0) word++;
    if (word - start > runLength) {
      runStart = start;
      runLength = word - start;
    }
  }
  const embedsIpv4 =
    runStart === 0 && (runLength === 6 || (runLength === 5 && data.getUint16(from + 10) === 0xffff));
  let next = at;
  for (let word = 0; word < 8; word++) {
    if (word === runStart) {
      target.setUint8(next++, COLON);
      word += runLength - 1;
      if (word === 7) target.setUint8(next++, COLON);
      continue;
    }
    if (word > 0) target.setUint8(next++, COLON);
    if (word === 6 && embedsIpv4) return putIpv4(target, next, data, from + 12);
    next = putHex(target, next, data.getUint16(from + word * 2), 1);
  }
  return next;
}

/** Appends an IPv4 address to a writer, see {@link putIpv4}. */
export function writeIpv4(writer: ByteWriter, data: DataView, at: number): void {
  writer.reserve(ADDRESS_ROOM);
  writer.length = putIpv4(writer.data, writer.length, data, at);
}

/** Appends an IPv6 address to a writer, see {@link putIpv6}. */
export function writeIpv6(writer: ByteWriter, data: DataView, at: number): void {
  writer.reserve(ADDRESS_ROOM);
  writer.length = putIpv6(writer.data, writer.length, data, at);
}

keepOutOfLastTier(putIpv4, putIpv4Word, putIpv6, isUnspecifiedIpv6);

const decoder = new TextDecoder();
const scratch = new ByteWriter(64);

/** IPv4 addresses whose texts are kept: most sockets of a host share a few. */
const KNOWN_ADDRESSES = 4096;
const knownAddresses = new Map<number, string>();

/** The IPv4 address at `at` as text. */
function ipv4Text(data: DataView, at: number): string {
  const word = data.getInt32(at, true);
  let text = knownAddresses.get(word);
  if (text === undefined) {
    scratch.length = 0;
    writeIpv4(scratch, data, at);
    text = decoder.decode(scratch.view());
    if (knownAddresses.size >= KNOWN_ADDRESSES) knownAddresses.clear();
    knownAddresses.set(word, text);
  }
  return text;
}

/** The address at `at` as text. @param family AF_INET6; any other value means IPv4 */
export function addressText(data: DataView, at: number, family: number): string {
  if (family !== AF_INET6) return ipv4Text(data, at);
  scratch.length = 0;
  writeIpv6(scratch, data, at);
  return decoder.decode(scratch.view());
}

/** Whether the sixteen bytes at `at` are the unspecified address `::`. */
export function isUnspecifiedIpv6(data: DataView, at: number): boolean {
  return (
    data.getUint32(at) === 0 &&
    data.getUint32(at + 4) === 0 &&
    data.getUint32(at + 8) === 0 &&
    data.getUint32(at + 12) === 0
  );
}

/** Whether the sixteen bytes at `at` are an IPv4 address mapped into IPv6, RFC 4291 2.5.5.2. */
export function isMappedIpv4(data: DataView, at: number): boolean {
  return data.getUint32(at) === 0 && data.getUint32(at + 4) === 0 && data.getUint32(at + 8) === 0xffff;
}

const WORD = /^[0-9a-f]{1,4}$/i;
const QUAD = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
const WORDS = 8;

/** The 16-bit words of a part of an IPv6 address on one side of `::`; undefined if it is malformed. */
function wordsOf(part: string): number[] | undefined {
  if (part === "") return [];
  const words: number[] = [];
  const groups = part.split(":");
  for (const [index, group] of groups.entries()) {
    if (WORD.test(group)) words.push(Number.parseInt(group, 16));
    else if (index === groups.length - 1 && QUAD.test(group)) {
      const bytes = group.split(".").map(Number);
      if (bytes.some((byte) => byte > 255)) return undefined;
      words.push(bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!);
    } else return undefined;
  }
  return words;
}

/** Parses an IPv6 address like inet_pton. Returns sixteen bytes, or undefined for any other text. RFC 4291 2.2. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const gap = text.indexOf("::");
  const head = wordsOf(gap < 0 ? text : text.slice(0, gap));
  const tail = wordsOf(gap < 0 ? "" : text.slice(gap + 2));
  if (head === undefined || tail === undefined) return undefined;
  const missing = WORDS - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  // A dotted quad may only end an address, so it cannot precede `::`.
  if (gap >= 0 && text.slice(0, gap).includes(".")) return undefined;
  const words = [...head, ...Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}
