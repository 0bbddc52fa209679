/** Writes vsock sockets as rows of ss's table. */
import { ascii } from "../../bytes/writer.ts";
import { SOCK_DGRAM, SOCK_STREAM } from "../../model/family.ts";
import { beginRow, unknownNetid } from "../../table/lead.ts";
import { writeProcessCells } from "../../table/places.ts";
import type { Names, Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import { VMADDR_ANY, type VsockSocket } from "./socket.ts";

const STAR = 0x2a;
const COLON = 0x3a;

const netids = new Map([
  [SOCK_STREAM, ascii("v_str")],
  [SOCK_DGRAM, ascii("v_dgr")],
]);

function writeNumber(table: Table, value: number): void {
  if (value === VMADDR_ANY) table.text.byte(STAR);
  else table.text.unsigned(value);
}

function closeEnd(table: Table, cid: number, port: number): void {
  writeNumber(table, cid);
  table.text.byte(COLON);
  table.close();
  writeNumber(table, port);
  table.close();
}

/** Writes the row of a vsock socket. The kernel does not send its queue lengths. */
export function writeVsockRow(table: Table, socket: VsockSocket, style: Style, names: Names): void {
  beginRow(table, socket, style, netids.get(socket.type) ?? unknownNetid, socket.stateNumber, 0, 0);
  closeEnd(table, socket.sourceCid, socket.sport);
  closeEnd(table, socket.destinationCid, socket.dport);
  writeProcessCells(table, socket, style, names);
  table.close();
}
