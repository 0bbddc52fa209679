/** Writes TIPC sockets as rows of ss's table. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import { SOCK_DGRAM, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM } from "../../model/family.ts";
import { writeIdentity } from "../../table/cells.ts";
import { beginRow, unknownNetid } from "../../table/lead.ts";
import { writePlaceCells } from "../../table/places.ts";
import { writeOwners } from "../../table/process.ts";
import type { Names, Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import type { TipcSocket } from "./socket.ts";

const COLON = 0x3a;
const MINUS = 0x2d;
const BLANK = 0x20;
const NEWLINE = 0x0a;
/** The number of ss's UNKNOWN state. */
const UNKNOWN = 0;

/** ss's names of the socket types: as a netid, and in `--tipcinfo`. */
const types = new Map([
  [SOCK_STREAM, { netid: ascii("ti_st"), name: "STREAM" }],
  [SOCK_DGRAM, { netid: ascii("ti_dg"), name: "DGRAM" }],
  [SOCK_RDM, { netid: ascii("ti_rd"), name: "RDM" }],
  [SOCK_SEQPACKET, { netid: ascii("ti_sq"), name: "SEQPACKET" }],
]);

/** Fills the address and port cells of one end; `-` if the end is missing or incomplete. */
function closeEnd(table: Table, node: number | undefined, ref: number | undefined): void {
  const { text } = table;
  if (node === undefined || ref === undefined) {
    text.byte(MINUS);
    table.close();
  } else {
    text.unsigned(node);
    text.byte(COLON);
    table.close();
    text.unsigned(ref);
  }
  table.close();
}

function writeSocketIdentity(text: ByteWriter, { uid = 0, inode = 0, cookie = 0n }: TipcSocket): void {
  writeIdentity(text, uid, inode, Number(cookie & 0xffff_ffffn), Number(cookie >> 32n));
}

function congestion({ statistics }: TipcSocket): string {
  if (statistics?.linkCongested) return "link";
  return statistics?.connectionCongested ? "conn" : "none";
}

/** Writes the line of `--tipcinfo`, with ss's spacing. */
function writeInfo(text: ByteWriter, socket: TipcSocket, style: Style): void {
  const { connection, statistics } = socket;
  if (!style.oneline) text.byte(NEWLINE);
  text.text(` type:${types.get(socket.type ?? 0)?.name ?? "(null)"} cong:${congestion(socket)}  drop:`);
  text.signed32(statistics?.drops ?? 0);
  text.byte(BLANK);
  if (socket.published) text.text(" publ");
  if (connection?.byService)
    text.text(` via {${connection.serviceType ?? 0},${connection.serviceInstance ?? 0}} `);
}

/** Writes the row of a TIPC socket. Missing attributes are shown as 0, `-` or `???`. */
export function writeTipcRow(table: Table, socket: TipcSocket, style: Style, names: Names): void {
  const { text, shows } = table;
  const { connection, statistics, inode = 0 } = socket;
  const netid = types.get(socket.type ?? 0)?.netid ?? unknownNetid;
  beginRow(
    table,
    socket,
    style,
    netid,
    socket.stateNumber ?? UNKNOWN,
    statistics?.rqueue ?? 0,
    statistics?.wqueue ?? 0,
  );
  closeEnd(table, socket.node, socket.ref);
  closeEnd(table, connection?.node, connection?.ref);
  if (shows.process) writeOwners(text, inode, style, names);
  // As in ss, the identity is part of the process cell. If that cell is hidden, ss drops it; we write it as a detail.
  if (style.extended) writeSocketIdentity(text, socket);
  if (shows.process) table.close();
  writePlaceCells(table, socket, style, names);
  if (style.tipcinfo) writeInfo(text, socket, style);
  table.close();
}
