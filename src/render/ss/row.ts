/** The row of a socket of any kind. */
import type { InetSocket } from "../../diag/inet.ts";
import type { NetlinkDiagSocket } from "../../diag/netlink.ts";
import type { PacketSocket } from "../../diag/packet.ts";
import type { TipcSocket } from "../../diag/tipc.ts";
import type { UnixSocket } from "../../diag/unix.ts";
import type { VsockSocket } from "../../diag/vsock.ts";
import type { XdpSocket } from "../../diag/xdp.ts";
import { writeInetRow } from "./inet.ts";
import { writeNetlinkRow } from "./netlink.ts";
import { writePacketRow } from "./packet.ts";
import type { Names, Style } from "./style.ts";
import type { Table } from "./table.ts";
import { writeTipcRow } from "./tipc.ts";
import { writeUnixRow } from "./unix.ts";
import { writeVsockRow } from "./vsock.ts";
import { writeXdpRow } from "./xdp.ts";

/** Writes the row of a socket. */
export function writeRow(
  table: Table,
  socket: InetSocket | UnixSocket | PacketSocket | NetlinkDiagSocket | VsockSocket | TipcSocket | XdpSocket,
  style: Style,
  names: Names,
): void {
  switch (socket.kind) {
    case "inet":
      writeInetRow(table, socket, style, names);
      break;
    case "unix":
      writeUnixRow(table, socket, style, names);
      break;
    case "packet":
      writePacketRow(table, socket, style, names);
      break;
    case "netlink":
      writeNetlinkRow(table, socket, style, names);
      break;
    case "vsock":
      writeVsockRow(table, socket, style, names);
      break;
    case "tipc":
      writeTipcRow(table, socket, style, names);
      break;
    case "xdp":
      writeXdpRow(table, socket, style, names);
      break;
    default:
      socket satisfies never;
  }
}
