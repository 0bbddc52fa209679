/**
 * Operands: what a word after a keyword means. They are converted while the filter is read, so that of several
 * mistakes the first is the one reported, whatever its kind.
 */
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, AF_VSOCK } from "../model/family.ts";
import { linkProtocolNumber } from "../model/link-protocols.ts";
import type { Table } from "../model/selection.ts";
import {
  IPV4_BYTES,
  IPV6_BYTES,
  type Prefix,
  parseNumericHost,
  parsePrefix,
  wholeAddress,
} from "./addresses.ts";
import { FilterError, operandProblem, unsupportedProblem } from "./errors.ts";
import type { FactOperands } from "./facts.ts";
import { integer, leadingInteger, U8_MAX, U16_MAX, U32_MAX, unsigned } from "./numbers.ts";
import type { Place, Word } from "./words.ts";

/** The number that stands for "any" of a port, protocol, device or CID. */
export const ANY = -1;

/** An address and port of TCP, UDP and their kin; with `sport` and `dport`, a port alone. */
export interface InetHost {
  /** Tells it from other hosts. */
  readonly kind: "inet";
  /** undefined: any address. */
  readonly prefix: Prefix | undefined;
  /** As typed; -1: any. Beyond 16 bits, and otherwise negative, ones match nothing. */
  readonly port: number;
}

/** The addresses of a host name. */
export interface NamedHost {
  /** Tells it from other hosts. */
  readonly kind: "name";
  /** As typed. */
  readonly name: string;
  /** The AF_* that its addresses must be of; undefined for IPv4 and IPv6. */
  readonly family: number | undefined;
  /** As typed; -1: any. */
  readonly port: number;
  /** undefined until somebody has asked the resolver. */
  readonly addresses: readonly Uint8Array[] | undefined;
  /** Where the word stands. */
  readonly place: Place;
}

/** A shell pattern for the name that a unix socket is bound to. */
export interface UnixHost {
  /** Tells it from other hosts. */
  readonly kind: "unix";
  /** As typed; `@` begins an abstract name. */
  readonly pattern: string;
}

/** A link layer protocol and a device. */
export interface LinkHost {
  /** Tells it from other hosts. */
  readonly kind: "link";
  /** ETH_P_*; -1: any. linux/if_ether.h. */
  readonly protocol: number;
  /** Index of the interface; -1: any. */
  readonly port: number;
}

/** A netlink protocol and port id. */
export interface NetlinkHost {
  /** Tells it from other hosts. */
  readonly kind: "netlink";
  /** NETLINK_*; -1: any. linux/netlink.h. */
  readonly protocol: number;
  /** Port id, 0 that of the kernel; -1: any. */
  readonly port: number;
}

/** A context id and port of vsock. */
export interface VsockHost {
  /** Tells it from other hosts. */
  readonly kind: "vsock";
  /** Context id; -1: any. */
  readonly cid: number;
  /** Port; -1: any. */
  readonly port: number;
}

/** What can stand on one side of a socket. */
export type Host = InetHost | NamedHost | UnixHost | LinkHost | NetlinkHost | VsockHost;

/** A network interface, by its index. */
export interface Device {
  /** As the kernel numbers it in the network namespace; 0: none. */
  readonly index: number;
}

/** A firewall mark, and the bits of it that count. */
export interface Mark {
  /** What its bits must be. */
  readonly mark: number;
  /** The bits that count. */
  readonly mask: number;
}

/** A version 2 control group. */
export interface Cgroup {
  /** As typed. */
  readonly path: string;
  /** Inode of its directory. */
  readonly id: bigint;
}

/** What each keyword of ss takes. */
export interface Operands {
  /** The local address, and the port if one is given. */
  src: Host;
  /** The peer's address, and the port if one is given. */
  dst: Host;
  /** The local port. */
  sport: Host;
  /** The peer's port. */
  dport: Host;
  /** The interface that the socket is bound to. */
  dev: Device;
  /** The firewall mark of the socket. */
  fwmark: Mark;
  /** The control group that the socket was made in. */
  cgroup: Cgroup;
  /** The kernel chose the local port. */
  autobound: undefined;
}

/** What each keyword takes, ss's and ours. */
export interface AllOperands extends Operands, FactOperands {}

/** What operands need to know of the world. */
export interface Lookups {
  /** The port of a service, as getservbyname. */
  port(service: string, protocol: "udp" | "tcp"): number | undefined;
  /** The ports of an RPC program, where those are to be resolved. */
  rpcPorts?(program: string, protocol: "udp" | "tcp"): readonly number[];
  /** The index of an interface, by its name or an alternative one. */
  interfaceIndex(name: string): number | undefined;
  /** The number of a netlink protocol. */
  netlinkProtocol(name: string): number | undefined;
  /** The id of a version 2 control group, or the lines that tell why there is none. */
  cgroupId(path: string): bigint | string;
  /** Whether the kernel can filter by control group. */
  knowsCgroups(): boolean;
  /** The uid of a user. */
  userId?(name: string): number | undefined;
}

/** What reading goes by. */
export interface FilterContext {
  /** The name that messages begin with. */
  readonly program: string;
  /** The selected tables: those of TCP and UDP tell where a service is looked up. */
  readonly tables: ReadonlySet<Table>;
  /** The AF_* that hosts without a prefix belong to; undefined if IPv4 and IPv6 are both meant. */
  readonly preferred: number | undefined;
  readonly lookups: Lookups;
}

/** How far reading has come. */
export interface Reading {
  readonly context: FilterContext;
  /** The AF_* of hosts without a prefix; every prefix changes it. */
  preferred: number | undefined;
  /** The AF_* that the last host was decided to be of. */
  family: number | undefined;
  /** Host names, in the order in which they were read. */
  readonly names: NamedHost[];
}

/** The words that tell the family of a host, each followed by a colon. */
export const hostPrefixes = {
  unix: AF_UNIX,
  link: AF_PACKET,
  netlink: AF_NETLINK,
  vsock: AF_VSOCK,
  inet: AF_INET,
  inet6: AF_INET6,
} as const;

const ANY_WORDS: ReadonlySet<string> = new Set(["default", "all", "any"]);
const ADDRESS_BYTES: ReadonlyMap<number | undefined, number> = new Map([
  [AF_INET, IPV4_BYTES],
  [AF_INET6, IPV6_BYTES],
]);
const FAMILIES_OF_NAMES: ReadonlySet<number | undefined> = new Set([undefined, AF_INET, AF_INET6]);
/** What can be a host name at all: not digits and dots alone. Anything else is refused without asking a resolver. */
const HOST_NAME = /^(?=.*[^0-9.])[A-Za-z0-9._-]+$/;
/** What ss takes for an interface that has no name: `if` and its index. */
const UNNAMED_INTERFACE = /^if\s*([+-]?\d+)/;

/** The lines with which ss refuses a host. */
function hostLines(...reasons: string[]): string[] {
  return [...reasons, "Cannot parse dst/src address."];
}

/** The line for something that is no address. */
export function notAnAddress(text: string): string[] {
  return hostLines(`Error: an inet prefix is expected rather than "${text}".`);
}

/** Refuses an operand. @throws FilterError always */
export function refuse(reading: Reading, word: Word, expected: string, lines: readonly string[]): never {
  throw new FilterError(operandProblem(word, expected, lines), reading.names);
}

function withoutColon(text: string): string {
  return text.startsWith(":") ? text.slice(1) : text;
}

function inetPort(text: string, word: Word, reading: Reading): number {
  if (text === "" || text.startsWith("*")) return ANY;
  const number = integer(text);
  if (number !== undefined) return number;
  const { lookups, tables } = reading.context;
  const ports = new Set<number>();
  for (const protocol of ["udp", "tcp"] as const) {
    if (!tables.has(protocol)) continue;
    for (const port of [lookups.port(text, protocol) ?? [], lookups.rpcPorts?.(text, protocol) ?? []].flat())
      ports.add(port);
  }
  if (ports.size > 1)
    refuse(reading, word, "a port or an unambiguous service", hostLines(`Error: ambiguous port "${text}".`));
  for (const port of ports) return port;
  return refuse(
    reading,
    word,
    "a port or a service",
    hostLines(`Error: "${text}" does not look like a port.`),
  );
}

/** `ADDRESS:PORT` in its two halves; without brackets, only a colon after the prefix length separates. */
function splitInet(text: string, word: Word, reading: Reading): readonly [address: string, port: string] {
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0) refuse(reading, word, "a closing bracket", hostLines());
    return [text.slice(1, end), withoutColon(text.slice(end + 1))];
  }
  if (text.startsWith("*")) return ["*", withoutColon(text.slice(1))];
  const colon = text.lastIndexOf(":");
  if (colon < text.indexOf("/") || colon < 0) return [text, ""];
  return [text.slice(0, colon), text.slice(colon + 1)];
}

function readInet(text: string, portOnly: boolean, word: Word, reading: Reading): Host {
  if (portOnly) {
    const inner = text.startsWith("[") ? splitInet(text, word, reading)[0] : text;
    return { kind: "inet", prefix: undefined, port: inetPort(withoutColon(inner), word, reading) };
  }
  const [address, portText] = splitInet(text, word, reading);
  const port = inetPort(portText, word, reading);
  const family = reading.preferred;
  if (address === "" || address === "*") return { kind: "inet", prefix: undefined, port };
  if (ANY_WORDS.has(address)) {
    const bytes = ADDRESS_BYTES.get(family);
    const prefix = bytes === undefined ? undefined : { address: new Uint8Array(bytes), length: 0 };
    return { kind: "inet", prefix, port };
  }
  const numeric = family === undefined || family === AF_INET ? parseNumericHost(address) : undefined;
  const prefix = parsePrefix(address, family) ?? (numeric && wholeAddress(numeric));
  if (prefix !== undefined) return { kind: "inet", prefix, port };
  if (!FAMILIES_OF_NAMES.has(family) || !HOST_NAME.test(address))
    refuse(reading, word, "an address", notAnAddress(address));
  const { offset, length } = word;
  const host = { kind: "name", name: address, family, port, addresses: undefined, place: { offset, length } };
  reading.names.push(host as NamedHost);
  return host as NamedHost;
}

/** The index of an interface by name, or by the name that ss gives to one that has none. */
function interfaceIndex(name: string, { lookups }: FilterContext): number | undefined {
  const known = lookups.interfaceIndex(name);
  if (known !== undefined) return known;
  const unnamed = UNNAMED_INTERFACE.exec(name);
  return unnamed === null ? undefined : Number(BigInt.asUintN(32, BigInt(unnamed[1]!))) || undefined;
}

/** A reader of one half of a host; gives undefined for what cannot be one. */
type Half = (text: string, context: FilterContext) => number | undefined;

const orAny =
  (read: Half): Half =>
  (text, context) =>
    text === "" || text === "*" ? ANY : read(text, context);

const linkProtocol: Half = orAny((text) => linkProtocolNumber(text) ?? unsigned(text, U16_MAX));
const linkDevice: Half = orAny((text, context) => integer(text) ?? interfaceIndex(text, context));
const netlinkProtocol: Half = orAny(
  (text, { lookups }) => lookups.netlinkProtocol(text) ?? unsigned(text, U8_MAX),
);
const netlinkPort: Half = orAny((text) => (text === "kernel" ? 0 : integer(text)));
const vsockCid: Half = orAny((text) => unsigned(text, U32_MAX));
const vsockPort: Half = (text) => (text === "*" ? ANY : unsigned(text, U32_MAX));

/** Reads `FIRST:PORT`, both optional, or with `portOnly` the port alone. */
function readHalves(
  text: string,
  portOnly: boolean,
  word: Word,
  reading: Reading,
  first: Half,
  second: Half,
): readonly [first: number, port: number] {
  const colon = text.indexOf(":");
  const port = portOnly
    ? second(withoutColon(text), reading.context)
    : colon < 0
      ? ANY
      : second(text.slice(colon + 1), reading.context);
  const other = portOnly ? ANY : first(colon < 0 ? text : text.slice(0, colon), reading.context);
  if (port === undefined || other === undefined)
    return refuse(reading, word, "a host of the family's kind", hostLines());
  return [other, port];
}

/** How the hosts of each family are read; inet, and all that have no row, are addresses and ports. */
const hostReaders: Readonly<
  Record<number, (text: string, portOnly: boolean, word: Word, reading: Reading) => Host>
> = {
  [AF_UNIX]: (pattern) => ({ kind: "unix", pattern }),
  [AF_PACKET]: (...given) => {
    const [protocol, port] = readHalves(...given, linkProtocol, linkDevice);
    return { kind: "link", protocol, port };
  },
  [AF_NETLINK]: (...given) => {
    const [protocol, port] = readHalves(...given, netlinkProtocol, netlinkPort);
    return { kind: "netlink", protocol, port };
  },
  [AF_VSOCK]: (...given) => {
    const [cid, port] = readHalves(...given, vsockCid, vsockPort);
    return { kind: "vsock", cid, port };
  },
};

/**
 * Reads what follows `src` and `dst`, or with `portOnly` what follows `sport` and `dport`. A family that it names,
 * or that was preferred anyway, becomes the only one of the run.
 *
 * @throws FilterError
 */
export function readHost(word: Word, reading: Reading, portOnly: boolean): Host {
  let text = word.text;
  for (const [prefix, family] of Object.entries(hostPrefixes)) {
    if (!text.startsWith(`${prefix}:`)) continue;
    text = text.slice(prefix.length + 1);
    reading.preferred = family;
    break;
  }
  const { preferred } = reading;
  if (preferred === undefined) return readInet(text, portOnly, word, reading);
  reading.family = preferred;
  return (hostReaders[preferred] ?? readInet)(text, portOnly, word, reading);
}

/** Reads what follows `dev`: an interface's name or index. @throws FilterError */
export function readDevice(word: Word, reading: Reading): Device {
  const index = unsigned(word.text, U32_MAX) ?? interfaceIndex(word.text, reading.context);
  if (index === undefined) return refuse(reading, word, "an interface", ["Cannot parse device."]);
  return { index };
}

/** A number of 32 bits as C's unsigned conversion makes it: too large ones become the largest. */
function wrapped(value: bigint): number {
  const limit = BigInt.asUintN(64, -1n);
  return Number(BigInt.asUintN(32, value > limit || value < -limit ? limit : value));
}

/**
 * Reads what follows `fwmark`: `MARK` or `MARK/MASK`. As in ss, what stands after a number is not looked at.
 *
 * @throws FilterError
 */
export function readMark(word: Word, reading: Reading): Mark {
  const mark = leadingInteger(word.text);
  if (mark !== undefined && !word.text.includes("/")) return { mark: wrapped(mark.value), mask: U32_MAX };
  const mask = mark?.rest.startsWith("/") ? leadingInteger(mark.rest.slice(1)) : undefined;
  if (mark === undefined || mask === undefined)
    return refuse(reading, word, "a mark", [`Cannot parse mark ${word.text}.`]);
  return { mark: wrapped(mark.value), mask: wrapped(mask.value) };
}

/** Reads what follows `cgroup`: a path. @throws FilterError */
export function readCgroup(word: Word, reading: Reading): Cgroup {
  const id = reading.context.lookups.cgroupId(word.text);
  if (typeof id === "string")
    return refuse(reading, word, "the path of a control group", [id, `Cannot parse cgroup ${word.text}.`]);
  return { path: word.text, id };
}

/** Makes sure that the kernel can filter by control group. @throws FilterError */
export function requireCgroups(word: Word, reading: Reading): void {
  if (!reading.context.lookups.knowsCgroups()) throw new FilterError(unsupportedProblem(word), reading.names);
}
