/** The tests of ss's predicates, compiled for one operand each. */

import { encodeBytes } from "../bytes/text.ts";
import type { FilterSubject } from "../families/filter-subject.ts";
import { isMappedIpv4 } from "../model/address.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../model/family.ts";
import { IPV4_BYTES, IPV6_BYTES, type Prefix, wholeAddress } from "./addresses.ts";
import { compilePattern } from "./fnmatch.ts";
import { ANY, numberFamilies, numberPrefixes } from "./number-hosts.ts";
import type { CgroupOperand, DeviceOperand, HostOperand, MarkOperand } from "./operands.ts";
import type { Comparison } from "./relations.ts";
import type { PortRange } from "./subject.ts";

/** Tests a socket. */
export type Test = (subject: FilterSubject) => boolean;

/** The facts of one side of a socket. */
interface Side {
  offset(subject: FilterSubject): number;
  word(subject: FilterSubject): number;
  port(subject: FilterSubject): number;
  name(subject: FilterSubject): Uint8Array;
}

/** The local side: `src` and `sport`. */
export const source: Side = {
  offset: (subject) => subject.sourceOffset,
  word: (subject) => subject.sourceWord,
  port: (subject) => subject.sport,
  name: (subject) => subject.sourceName,
};

/** The peer's side: `dst` and `dport`. */
export const destination: Side = {
  offset: (subject) => subject.destinationOffset,
  word: (subject) => subject.destinationWord,
  port: (subject) => subject.dport,
  name: (subject) => subject.destinationName,
};

const WORD_BYTES = 4;
/** Offset of the IPv4 address in an IPv4-mapped IPv6 address. */
const MAPPED_OFFSET = IPV6_BYTES - IPV4_BYTES;
const AT = 0x40;

const always: Test = () => true;

/** Swaps the bytes of a 32-bit word. */
function swapped(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/**
 * The test for an address. Like ss it compares words without regard to families: 0.0.0.0 also matches the first word of
 * ::1, and the protocol of a netlink or packet socket counts as the first word of an address. The kernel's own filter
 * keeps IPv4 and IPv6 apart, so this shows only where the kernel does not filter.
 */
function prefixTest({ address, length }: Prefix, side: Side): Test {
  if (length === 0) return always;
  const data = new DataView(address.buffer, address.byteOffset, address.length);
  const words: number[] = [];
  const masks: number[] = [];
  for (let bits = length; bits > 0; bits -= 32) {
    const mask = bits >= 32 ? -1 : ~(-1 >>> bits);
    words.push(data.getUint32(masks.length * WORD_BYTES) & mask);
    masks.push(mask);
  }
  /** Whether the first `count` words match the pattern. Words behind these count as zero. */
  const agree = (addresses: DataView, at: number, count: number) => {
    for (let index = 0; index < words.length; index++) {
      const word = index < count ? addresses.getUint32(at + index * WORD_BYTES) : 0;
      if ((word & masks[index]!) !== words[index]) return false;
    }
    return true;
  };
  const isIpv4 = address.length === IPV4_BYTES;
  const scratch = new DataView(new ArrayBuffer(WORD_BYTES));
  return (subject) => {
    const { family } = subject;
    const at = side.offset(subject);
    if (family === AF_INET) return agree(subject.addresses, at, 1);
    if (family === AF_INET6) {
      const mapped = isIpv4 && isMappedIpv4(subject.addresses, at);
      return (mapped && agree(subject.addresses, at + MAPPED_OFFSET, 1)) || agree(subject.addresses, at, 4);
    }
    if (family === AF_UNIX && side.name(subject).length > 0) return false;
    scratch.setUint32(0, swapped(side.word(subject)));
    return agree(scratch, 0, 1);
  };
}

/** The test for hosts of a family that has a number for an address. */
function wordTest(family: number, wanted: number, port: number, side: Side): Test {
  return (subject) =>
    subject.family === family &&
    (wanted === ANY || side.word(subject) === wanted) &&
    (port === ANY || side.port(subject) === port);
}

/** The name as ss prints it: `@` for each NUL of an abstract name. */
function shownName(name: Uint8Array): Uint8Array {
  return name[0] === 0 ? name.map((byte) => byte || AT) : name;
}

function portTest(port: number, side: Side): Test {
  return port === ANY ? always : (subject) => side.port(subject) === port;
}

/** The test for equality with a host. */
function hostTest(host: HostOperand, side: Side): Test {
  switch (host.kind) {
    case "inet": {
      const port = portTest(host.port, side);
      if (host.prefix === undefined) return port;
      const prefix = prefixTest(host.prefix, side);
      return (subject) => port(subject) && prefix(subject);
    }
    case "name": {
      if (host.addresses === undefined) throw new TypeError(`Cannot filter by unresolved host ${host.name}`);
      const port = portTest(host.port, side);
      const prefixes = host.addresses.map((address) => prefixTest(wholeAddress(address), side));
      return (subject) => port(subject) && prefixes.some((prefix) => prefix(subject));
    }
    case "unix": {
      const matches = compilePattern(encodeBytes(host.pattern));
      return (subject) => subject.family === AF_UNIX && matches(shownName(side.name(subject)));
    }
    default:
      return wordTest(numberFamilies[host.kind].family, host.address, host.port, side);
  }
}

/** The port of a host; -1 for a unix pattern. */
function portOf(host: HostOperand): number {
  return host.kind === "unix" ? ANY : host.port;
}

/** Makes the tests of `src` and `sport`, or of `dst` and `dport`. */
export function hostComparison(side: Side): (host: HostOperand, comparison: Comparison) => Test {
  return (host, comparison) => {
    const port = portOf(host);
    if (comparison === "atLeast") return (subject) => side.port(subject) >= port;
    if (comparison === "atMost") return (subject) => side.port(subject) <= port;
    return hostTest(host, side);
  };
}

/** The test for `dev`. */
export function deviceTest({ index }: DeviceOperand): Test {
  return (subject) => subject.interfaceIndex === index;
}

/** The test for `fwmark`. */
export function markTest({ mark, mask }: MarkOperand): Test {
  return (subject) => (subject.mark & mask) >>> 0 === mark;
}

/** The test for `cgroup`. */
export function cgroupTest({ id }: CgroupOperand): Test {
  return (subject) => subject.cgroupId === id;
}

/** Length of the abstract names that the kernel assigns: `@` and five hexadecimal digits. unix(7), "Autobind feature". */
const AUTOBIND_LENGTH = 6;

function isAutobindName(name: Uint8Array): boolean {
  if (name.length !== AUTOBIND_LENGTH || (name[0] !== 0 && name[0] !== AT)) return false;
  for (let at = 1; at < AUTOBIND_LENGTH; at++) {
    const byte = name[at]!;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
  }
  return true;
}

/** The test for `autobound`: whether the kernel chose the local address. */
export function autoboundTest({ low, high }: PortRange): Test {
  return (subject) => {
    const { family } = subject;
    if (family === AF_UNIX) return !subject.named || isAutobindName(subject.sourceName);
    const prefix = numberPrefixes.get(family);
    if (prefix !== undefined) return numberFamilies[prefix].autobound(subject);
    return subject.sport >= low && subject.sport <= high;
  };
}
