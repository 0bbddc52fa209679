/** The names of sockets in addresses: `COOKIE`, or `NETNS:COOKIE` where several namespaces are served. */
import type { Socket } from "../families/socket.ts";
import { type SocketKey, type SocketTable, socketNumber } from "../live/table.ts";

/** What an id looks like. A socket without a cookie has a negative number, made of its inode. */
const SOCKET_ID = /^(?:(\d{1,10}):)?(-?\d{1,20})$/;

/** The id of the socket in a slot. */
export function idOf(table: SocketTable, slot: number): string {
  return table.key(slot).replace("/", ":").replace(/^:/, "");
}

/** The id of a socket. */
export function socketIdOf(socket: Socket): string {
  const { netns } = socket.origin;
  return `${netns === undefined ? "" : `${netns.inode}:`}${socketNumber(socket)}`;
}

/** The key of an id in a table; undefined if it is malformed. */
export function keyOf(id: string): SocketKey | undefined {
  const match = SOCKET_ID.exec(id);
  return match === null ? undefined : `${match[1] ?? ""}/${match[2]}`;
}
