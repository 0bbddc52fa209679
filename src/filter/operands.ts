/** Operands of ss's predicates: hosts, interfaces, firewall marks, control groups. */
import { AF_INET, AF_INET6, AF_UNIX } from "../model/family.ts";
import type { Prefix } from "./addresses.ts";
import type { FilterPosition } from "./errors.ts";
import { type NumberPrefix, numberFamilies } from "./number-hosts.ts";

/** An IP address and port. The operand of `sport` and `dport` is a port without an address. */
export interface InetHost {
  /** The discriminant. */
  readonly kind: "inet";
  /** undefined: any address. */
  readonly prefix: Prefix | undefined;
  /** As typed; -1: any. Other negative ports, and ports beyond 16 bits, match nothing. */
  readonly port: number;
}

/** A host name: it matches each of its addresses. */
export interface NamedHost {
  /** The discriminant. */
  readonly kind: "name";
  /** As typed. */
  readonly name: string;
  /** The AF_* of its addresses; undefined for IPv4 and IPv6. */
  readonly family: number | undefined;
  /** As typed; -1: any. */
  readonly port: number;
  /** 4 or 16 bytes each; undefined until `resolveHosts` has looked them up. */
  readonly addresses: readonly Uint8Array[] | undefined;
  /** Where the word is in the filter. */
  readonly position: FilterPosition;
}

/** A shell pattern for the name that a unix socket is bound to. */
export interface UnixHost {
  /** The discriminant. */
  readonly kind: "unix";
  /** As typed; `@` begins an abstract name. */
  readonly pattern: string;
}

/** A host of a family whose addresses are numbers. */
export interface NumberHost {
  /** The prefix of the family. */
  readonly kind: NumberPrefix;
  /** The link layer protocol (ETH_P_*), the netlink protocol (NETLINK_*) or the context id; -1: any. */
  readonly address: number;
  /** The index of the interface, the port id (0: the kernel's) or the port; -1: any. */
  readonly port: number;
}

/** The operand of `src`, `dst`, `sport` and `dport`. */
export type HostOperand = InetHost | NamedHost | UnixHost | NumberHost;

/** A network interface, by its index. */
export interface DeviceOperand {
  /** Interface index; 0: not bound to an interface. */
  readonly index: number;
}

/** A firewall mark and its mask: a socket matches if `(SO_MARK & mask) === mark`. */
export interface MarkOperand {
  /** The value of the masked mark. */
  readonly mark: number;
  /** The mask; all ones if none was typed. */
  readonly mask: number;
}

/** A version 2 control group. */
export interface CgroupOperand {
  /** As typed. */
  readonly path: string;
  /** Inode of its directory. */
  readonly id: bigint;
}

/** The operand of each of ss's keywords. */
export interface SsOperands {
  /** The local address, and the port if one is given. */
  src: HostOperand;
  /** The peer's address, and the port if one is given. */
  dst: HostOperand;
  /** The local port. */
  sport: HostOperand;
  /** The peer's port. */
  dport: HostOperand;
  /** The interface that the socket is bound to. */
  dev: DeviceOperand;
  /** The firewall mark of the socket. */
  fwmark: MarkOperand;
  /** The control group in which the socket was created. */
  cgroup: CgroupOperand;
  /** No operand. */
  autobound: undefined;
}

/** The prefixes that choose the family of a host, each followed by a colon, and that family. */
export const hostPrefixes: Readonly<Record<string, number>> = {
  unix: AF_UNIX,
  ...Object.fromEntries(Object.entries(numberFamilies).map(([prefix, { family }]) => [prefix, family])),
  inet: AF_INET,
  inet6: AF_INET6,
};
