/** The facts that predicates read, and the facts that do not come from the socket. */
import type { Socket } from "../families/socket.ts";

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
