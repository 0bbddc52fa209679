/** The tests that predicates come down to, each made for one operand. */

import { isMappedIpv4 } from "../model/address.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK } from "../model/family.ts";
import { IPV4_BYTES, IPV6_BYTES, type Prefix, wholeAddress } from "./addresses.ts";
import { compilePattern } from "./fnmatch.ts";
import { ANY, type Cgroup, type Device, type Host, type Mark } from "./operands.ts";
import type { Comparison } from "./relations.ts";
import type { FilterSubject, PortRange } from "./subject.ts";

/** Whether a socket has what is asked for. */
export type Test = (subject: FilterSubject) => boolean;

/** One side of a socket: where its facts are read. */
interface Side {
  offset(subject: FilterSubject): number;
  word(subject: FilterSubject): number;
  port(subject: FilterSubject): number;
  name(subject: FilterSubject): Uint8Array;
}

/** The side of a socket that `src` and `sport` are about. */
export const source: Side = {
  offset: (subject) => subject.sourceOffset,
  word: (subject) => subject.sourceWord,
  port: (subject) => subject.sport,
  name: (subject) => subject.sourceName,
};

/** The side of a socket that `dst` and `dport` are about. */
export const destination: Side = {
  offset: (subject) => subject.destinationOffset,
  word: (subject) => subject.destinationWord,
  port: (subject) => subject.dport,
  name: (subject) => subject.destinationName,
};

const WORD_BYTES = 4;
/** Where the IPv4 address begins in one mapped into IPv6. */
const MAPPED_OFFSET = IPV6_BYTES - IPV4_BYTES;
const AT = 0x40;
const encoder = new TextEncoder();

const always: Test = () => true;

/** The four bytes of a number in host order, as a word in network order. */
function swapped(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/**
 * The test for an address. As in ss it looks at words, not at families: 0.0.0.0 is also found at the beginning of
 * ::1, and a netlink or packet socket's protocol is taken for the first word of an address. (A kernel that filters
 * beforehand keeps IPv4 and IPv6 apart, so this is seen only where it doesn't.)
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
  /** Whether words agree with the pattern, where those behind the first `count` are zero. */
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

/** The test for hosts of a family whose address is one number. */
function wordTest(family: number, wanted: number, port: number, side: Side): Test {
  return (subject) =>
    subject.family === family &&
    (wanted === ANY || side.word(subject) === wanted) &&
    (port === ANY || side.port(subject) === port);
}

/** The name as ss has it: each NUL of an abstract one as `@`. */
function shownName(name: Uint8Array): Uint8Array {
  return name[0] === 0 ? name.map((byte) => byte || AT) : name;
}

function portTest(port: number, side: Side): Test {
  return port === ANY ? always : (subject) => side.port(subject) === port;
}

/** The test for `src`, `dst`, `sport` and `dport`, which all take hosts. */
function hostTest(host: Host, side: Side): Test {
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
      const matches = compilePattern(encoder.encode(host.pattern));
      return (subject) => subject.family === AF_UNIX && matches(shownName(side.name(subject)));
    }
    case "link":
      return wordTest(AF_PACKET, host.protocol, host.port, side);
    case "netlink":
      return wordTest(AF_NETLINK, host.protocol, host.port, side);
    case "vsock":
      return wordTest(AF_VSOCK, host.cid, host.port, side);
  }
}

/** The port of a host; a unix pattern has none, which compares as -1. */
function portOf(host: Host): number {
  return host.kind === "unix" ? ANY : host.port;
}

/** Makes the tests of a keyword that takes hosts. */
export function hostComparison(side: Side): (host: Host, comparison: Comparison) => Test {
  return (host, comparison) => {
    const port = portOf(host);
    if (comparison === "atLeast") return (subject) => side.port(subject) >= port;
    if (comparison === "atMost") return (subject) => side.port(subject) <= port;
    return hostTest(host, side);
  };
}

/** The test for `dev`. */
export function deviceTest({ index }: Device): Test {
  return (subject) => subject.interfaceIndex === index;
}

/** The test for `fwmark`. */
export function markTest({ mark, mask }: Mark): Test {
  return (subject) => (subject.mark & mask) >>> 0 === mark;
}

/** The test for `cgroup`. */
export function cgroupTest({ id }: Cgroup): Test {
  return (subject) => subject.cgroupId === id;
}

/** Abstract names that the kernel makes up: `@` and five digits. unix(7), "Autobind feature". */
const AUTOBIND_LENGTH = 6;
const HIGHEST_RESERVED_VSOCK_PORT = 1023;

function isAutobindName(name: Uint8Array): boolean {
  if (name.length !== AUTOBIND_LENGTH || (name[0] !== 0 && name[0] !== AT)) return false;
  for (let at = 1; at < AUTOBIND_LENGTH; at++) {
    const byte = name[at]!;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
  }
  return true;
}

/** The test for `autobound`: whether the kernel chose the local end. */
export function autoboundTest({ low, high }: PortRange): Test {
  return (subject) => {
    switch (subject.family) {
      case AF_UNIX:
        return !subject.named || isAutobindName(subject.sourceName);
      case AF_PACKET:
        return subject.sourceWord === 0 && subject.sport === 0;
      case AF_NETLINK:
        return subject.sport < 0;
      case AF_VSOCK:
        return subject.sport > HIGHEST_RESERVED_VSOCK_PORT;
      default:
        return subject.sport >= low && subject.sport <= high;
    }
  };
}
