/** The one union of sockets: a line for each kind. */
import type { Kind } from "../model/selection.ts";
import type { InetSocket } from "./inet/socket.ts";
import type { NetlinkDiagSocket } from "./netlink/socket.ts";
import type { PacketSocket } from "./packet/socket.ts";
import type { TipcSocket } from "./tipc/socket.ts";
import type { UnixSocket } from "./unix/socket.ts";
import type { VsockSocket } from "./vsock/socket.ts";
import type { XdpSocket } from "./xdp/socket.ts";

/** The view of each kind of socket. A kind without a line here does not compile: see {@link Socket}. */
export interface SocketsByKind {
  /** TCP, MPTCP, UDP, RAW, DCCP and SCTP. */
  readonly inet: InetSocket;
  /** UNIX domain. */
  readonly unix: UnixSocket;
  /** Packet sockets (AF_PACKET). */
  readonly packet: PacketSocket;
  /** Netlink. */
  readonly netlink: NetlinkDiagSocket;
  /** Sockets between a virtual machine and its host (AF_VSOCK). */
  readonly vsock: VsockSocket;
  /** TIPC. */
  readonly tipc: TipcSocket;
  /** XDP (AF_XDP). */
  readonly xdp: XdpSocket;
}

/** A socket of any kind; `kind` discriminates. */
export type Socket = SocketsByKind[Kind];
