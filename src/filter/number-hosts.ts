/** Hosts of the families whose addresses are numbers: one row a family. */
import { integer, U8_MAX, U16_MAX, U32_MAX, unsigned } from "../bytes/c-numbers.ts";
import type { FilterSubject } from "../families/filter-subject.ts";
import { AF_NETLINK, AF_PACKET, AF_VSOCK } from "../model/family.ts";
import { linkProtocolNumber } from "../model/link-protocols.ts";

/** The number that stands for "any" of a port, protocol, device or CID. */
export const ANY = -1;

/** Numbers that have names on the host that a filter is parsed for. */
export interface NumberLookups {
  /** The index of an interface, by its name or an alternative name. */
  interfaceIndex(name: string): number | undefined;
  /** The number of a netlink protocol. */
  netlinkProtocol(name: string): number | undefined;
}

/** The name that ss gives to an interface without a name: `if` and its index. */
const UNNAMED_INTERFACE = /^if\s*([+-]?\d+)/;

/**
 * Finds the index of an interface.
 *
 * @param name its name, an alternative name, `NAME:LABEL` (SIOCGIFINDEX cuts it at the colon; netdevice(7)), or `if`
 *   and the index
 */
export function interfaceIndex(name: string, lookups: NumberLookups): number | undefined {
  const known = lookups.interfaceIndex(name) ?? lookups.interfaceIndex(name.replace(/:.*/s, ""));
  if (known !== undefined) return known;
  const unnamed = UNNAMED_INTERFACE.exec(name);
  return unnamed === null ? undefined : Number(BigInt.asUintN(32, BigInt(unnamed[1]!))) || undefined;
}

/** Reads one half of a host; undefined if the text is wrong. */
type Half = (text: string, lookups: NumberLookups) => number | undefined;

interface NumberFamily {
  /** AF_*. */
  readonly family: number;
  /** Reads the half before the colon. */
  readonly address: Half;
  /** Reads the half behind the colon. */
  readonly port: Half;
  /** Whether the kernel chose the local address of a socket. */
  autobound(subject: FilterSubject): boolean;
}

const orAny =
  (read: Half): Half =>
  (text, lookups) =>
    text === "" || text === "*" ? ANY : read(text, lookups);

const HIGHEST_RESERVED_VSOCK_PORT = 1023;

/** The families, by the prefix of their hosts. */
export const numberFamilies = {
  /** A link layer protocol, ETH_P_* (linux/if_ether.h), and the index of an interface. */
  link: {
    family: AF_PACKET,
    address: orAny((text) => linkProtocolNumber(text) ?? unsigned(text, U16_MAX)),
    port: orAny((text, lookups) => integer(text) ?? interfaceIndex(text, lookups)),
    autobound: ({ sourceWord, sport }) => sourceWord === 0 && sport === 0,
  },
  /** A netlink protocol, NETLINK_* (linux/netlink.h), and a port id: 0 is the kernel's. */
  netlink: {
    family: AF_NETLINK,
    address: orAny((text, lookups) => lookups.netlinkProtocol(text) ?? unsigned(text, U8_MAX)),
    port: orAny((text) => (text === "kernel" ? 0 : integer(text))),
    autobound: ({ sport }) => sport < 0,
  },
  /** A context id and a port. vsock(7). */
  vsock: {
    family: AF_VSOCK,
    address: orAny((text) => unsigned(text, U32_MAX)),
    port: (text) => (text === "*" ? ANY : unsigned(text, U32_MAX)),
    autobound: ({ sport }) => sport > HIGHEST_RESERVED_VSOCK_PORT,
  },
} as const satisfies Readonly<Record<string, NumberFamily>>;

/** The prefix of a family whose addresses are numbers. */
export type NumberPrefix = keyof typeof numberFamilies;

const prefixes = Object.keys(numberFamilies) as readonly NumberPrefix[];

/** The prefixes by their families, AF_*. */
export const numberPrefixes: ReadonlyMap<number, NumberPrefix> = new Map(
  prefixes.map((prefix) => [numberFamilies[prefix].family, prefix]),
);
