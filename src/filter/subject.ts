/** Sockets as filters read them. */
import type { Socket } from "../families/socket.ts";

/**
 * One socket as predicates read it. Properties may be getters: a filter reads only what it needs. The numbers are those
 * that ss compares, whatever they mean in a family.
 */
export interface FilterSubject {
  /** AF_*. */
  readonly family: number;
  /** The bytes with the addresses of an inet socket (4 bytes each, or 16 for AF_INET6); unused in other families. */
  readonly addresses: DataView;
  /** Offset of the local address in `addresses`. */
  readonly sourceOffset: number;
  /** Offset of the peer's address in `addresses`. */
  readonly destinationOffset: number;
  /** Netlink: the protocol. Packet: the protocol, in host byte order. Vsock: the local CID. Others: 0. */
  readonly sourceWord: number;
  /** Vsock: the peer's CID. Others: 0. */
  readonly destinationWord: number;
  /** Inet, vsock: local port. Unix: inode. Netlink: port id, signed. Packet: interface index. XDP: queue. */
  readonly sport: number;
  /** Inet, vsock: peer's port. Unix: peer's inode. Netlink: -1. Others: 0. */
  readonly dport: number;
  /** The name of a unix socket: a path without its final NUL, or an abstract name with its NULs. */
  readonly sourceName: Uint8Array;
  /** Whether a unix socket is bound to a name, which may be empty. */
  readonly named: boolean;
  /** The name of the peer of a unix socket; empty if unknown. */
  readonly destinationName: Uint8Array;
  /** Index of the interface that the socket is bound to; 0 for none. */
  readonly interfaceIndex: number;
  /** SO_MARK; 0 if unknown. */
  readonly mark: number;
  /** The id of the version 2 control group; 0 if unknown. */
  readonly cgroupId: bigint;
  /** The socket itself, for Sockscope's own predicates; undefined in tests of ss's predicates. */
  readonly socket: Socket | undefined;
}

/** A fact that a predicate reads: properties of the subject, both sides together, or a struct or property of its socket. */
export type Fact =
  | "address"
  | "word"
  | "port"
  | "name"
  | "interfaceIndex"
  | "mark"
  | "cgroupId"
  | "portRange"
  | "tcpInfo"
  | "congestion"
  | "tos"
  | "queue"
  | "timer"
  | "uid"
  | "inode"
  | "netns"
  | "owners"
  | "container";

/** The ports that the kernel assigns: ip_local_port_range, both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** A process that has a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** The kernel's name of the process. */
  readonly name: Uint8Array;
}

/** Facts that do not come from the socket. */
export interface Known {
  readonly portRange: PortRange;
  /** The processes that have the socket of an inode open; left out until they were looked up. */
  readonly owners?: (inode: number) => readonly SocketOwner[];
  /** Name, id and label of a socket's container; left out until containers were looked up. */
  readonly container?: (socket: Socket) => readonly Uint8Array[];
}
