/** Writes XDP sockets as rows of ss's table. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import { SS_CLOSE } from "../../model/state.ts";
import { writeIdentity } from "../../table/cells.ts";
import { beginRow, closeAnyEnd } from "../../table/lead.ts";
import { writeSkMemInfo } from "../../table/memory.ts";
import { writeProcessCells } from "../../table/places.ts";
import { structLine } from "../../table/struct.ts";
import { type Names, putForeign, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import { xdpDiagRing, xdpDiagStats, xdpDiagUmem } from "./layout.ts";
import type { XdpSocket } from "./socket.ts";

const COLON = 0x3a;
const QUEUE = 0x71;

const netid = ascii("xdp");

function ringLine(name: string) {
  return structLine([[`${name}(entries:`, xdpDiagRing.entries, "u32"]], ")");
}

const writeRxRing = ringLine("rx");
const writeTxRing = ringLine("tx");
const writeFillRing = ringLine("fr");
const writeCompletionRing = ringLine("cr");

function umemLine(name: string) {
  return structLine(
    [
      [`${name}(id:`, xdpDiagUmem.id, "u32"],
      [",size:", xdpDiagUmem.size, "u64"],
      [",num_pages:", xdpDiagUmem.pages, "u32"],
      [",chunk_size:", xdpDiagUmem.chunkSize, "u32"],
      [",headroom:", xdpDiagUmem.headroom, "u32"],
      [",ifindex:", xdpDiagUmem.interfaceIndex, "u32"],
      [",qid:", xdpDiagUmem.queueId, "u32"],
      [",zc:", xdpDiagUmem.zeroCopy, "u32"],
      [",refs:", xdpDiagUmem.references, "u32"],
    ],
    ")",
  );
}

const writeUmem = umemLine("umem");
/** With `-O`, ss prints the `t` of its `\t` before this label. */
const writeUmemOneline = umemLine("tumem");

const writeStats = structLine(
  [
    ["stats(rx dropped:", xdpDiagStats.rxDropped, "u64"],
    [",rx invalid:", xdpDiagStats.rxInvalid, "u64"],
    [",rx queue full:", xdpDiagStats.rxFull, "u64"],
    [",rx fill ring empty:", xdpDiagStats.fillRingEmpty, "u64"],
    [",tx invalid:", xdpDiagStats.txInvalid, "u64"],
    [",tx ring empty:", xdpDiagStats.txRingEmpty, "u64"],
  ],
  ")",
);

function writeExtended(text: ByteWriter, socket: XdpSocket, style: Style): void {
  const { data, cookieOffset } = socket;
  const low = data.getUint32(cookieOffset, true);
  writeIdentity(text, socket.uid ?? 0, socket.inode, low, data.getUint32(cookieOffset + 4, true));
  writeRxRing(text, socket.rxRing, style);
  writeTxRing(text, socket.txRing, style);
  (style.oneline ? writeUmemOneline : writeUmem)(text, socket.umem, style);
  writeFillRing(text, socket.fillRing, style);
  writeCompletionRing(text, socket.completionRing, style);
  writeStats(text, socket.stats, style);
}

/** Writes the row of an XDP socket. */
export function writeXdpRow(table: Table, socket: XdpSocket, style: Style, names: Names): void {
  const { text } = table;
  const { memory, interfaceIndex } = socket;
  beginRow(table, socket, style, netid, SS_CLOSE, socket.rqueue ?? 0, 0);
  if (interfaceIndex) {
    putForeign(text, names.interface(interfaceIndex, socket.origin.netns), style);
    text.byte(COLON);
    table.close();
    text.byte(QUEUE);
    text.signed32(socket.queueId ?? 0);
    table.close();
  } else closeAnyEnd(table);
  closeAnyEnd(table);
  writeProcessCells(table, socket, style, names);
  if (style.extended) writeExtended(text, socket, style);
  if (style.memory && memory !== undefined) writeSkMemInfo(text, memory);
  table.close();
}
