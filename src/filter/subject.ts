/** What a filter sees of a socket. */
import type { Socket } from "../families/socket.ts";

/**
 * One socket, as the predicates of a filter look at it. Getters will do: only what a filter asks for is read. The
 * numbers are those that ss compares, whatever a family means by them.
 */
export interface FilterSubject {
  /** AF_*. */
  readonly family: number;
  /** Holds the addresses of an inet socket (4 bytes each, or 16 for AF_INET6); not read for other families. */
  readonly addresses: DataView;
  /** Where in `addresses` the local one begins. */
  readonly sourceOffset: number;
  /** Where in `addresses` the peer's begins. */
  readonly destinationOffset: number;
  /** Netlink: the protocol. Packet: the protocol, in host byte order. Vsock: the local CID. Others: 0. */
  readonly sourceWord: number;
  /** Vsock: the peer's CID. Others: 0. */
  readonly destinationWord: number;
  /** Inet, vsock: local port. Unix: inode. Netlink: port id, signed. Packet: interface index. XDP: queue. */
  readonly sport: number;
  /** Inet, vsock: peer's port. Unix: peer's inode. Netlink: -1. Others: 0. */
  readonly dport: number;
  /** The name a unix socket is bound to: a path without its final NUL, or an abstract name with its NULs. */
  readonly sourceName: Uint8Array;
  /** Whether a unix socket is bound to a name at all, be it an empty one. */
  readonly named: boolean;
  /** The name of the peer of a unix socket; empty where the kernel does not tell. */
  readonly destinationName: Uint8Array;
  /** The interface a socket is bound to; 0 for none. */
  readonly interfaceIndex: number;
  /** SO_MARK; 0 if the kernel did not tell. */
  readonly mark: number;
  /** The id of the version 2 control group; 0 if the kernel did not tell. */
  readonly cgroupId: bigint;
  /** The socket itself, for the facts that ss has no predicates on; undefined if there are none to be had. */
  readonly socket: Socket | undefined;
}

/**
 * A fact that a filter reads, named after the property of the subject, or of its socket; both sides together. A
 * struct's name stands for all that is in it.
 */
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

/** The local ports that the kernel gives to those who ask for none: ip_local_port_range, both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** A process that has a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** Its name, as the kernel has it. */
  readonly name: Uint8Array;
}

/** What is known beside the sockets. */
export interface Known {
  readonly portRange: PortRange;
  /** Who has the socket of an inode open; left out as long as nobody has looked. */
  readonly owners?: (inode: number) => readonly SocketOwner[];
  /** What the container of a socket goes by: its name, its id, its label; left out as long as nobody has looked. */
  readonly container?: (socket: Socket) => readonly Uint8Array[];
}
