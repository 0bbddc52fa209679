/** The row of a socket of any kind. */

import { writeInetRow } from "../families/inet/row.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { writeNetlinkRow } from "../families/netlink/row.ts";
import type { NetlinkDiagSocket } from "../families/netlink/socket.ts";
import { writePacketRow } from "../families/packet/row.ts";
import type { PacketSocket } from "../families/packet/socket.ts";
import { writeTipcRow } from "../families/tipc/row.ts";
import type { TipcSocket } from "../families/tipc/socket.ts";
import { writeUnixRow } from "../families/unix/row.ts";
import type { UnixSocket } from "../families/unix/socket.ts";
import { writeVsockRow } from "../families/vsock/row.ts";
import type { VsockSocket } from "../families/vsock/socket.ts";
import { writeXdpRow } from "../families/xdp/row.ts";
import type { XdpSocket } from "../families/xdp/socket.ts";
import type { Names, Style } from "../table/style.ts";
import type { Table } from "../table/table.ts";

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
