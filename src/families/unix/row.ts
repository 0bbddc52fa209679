/** Writes UNIX sockets as rows of ss's table. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import { SOCK_SEQPACKET, SOCK_STREAM } from "../../model/family.ts";
import { writeQueue, writeShutdown, writeState } from "../../table/cells.ts";
import { writeSkMemInfo } from "../../table/memory.ts";
import { startRow, writeProcessCells } from "../../table/places.ts";
import { type Names, putForeign, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import type { UnixSocket } from "./socket.ts";

const AT = 0x40;
const STAR = 0x2a;
const BLANK = 0x20;
const SLASH = 0x2f;

const netids = new Map([
  [SOCK_STREAM, ascii("u_str")],
  [SOCK_SEQPACKET, ascii("u_seq")],
]);
const dgramNetid = ascii("u_dgr");

/** A bound name as ss shows it. A path ends at its first NUL; each NUL of an abstract name becomes `@`. */
function shownName(name: Uint8Array): Uint8Array {
  if (name[0] === 0) return name.map((byte) => byte || AT);
  const end = name.indexOf(0);
  return end < 0 ? name : name.subarray(0, end);
}

function writeName(text: ByteWriter, socket: UnixSocket, style: Style): void {
  const { name } = socket;
  if (name === undefined) text.byte(STAR);
  else putForeign(text, shownName(name), style);
}

/** Only /proc of old kernels has the peer's name. */
function writePeerName(text: ByteWriter, { procfs }: UnixSocket, style: Style): void {
  const name = procfs?.peerName;
  if (name === undefined || name.length === 0) text.byte(STAR);
  else putForeign(text, shownName(name), style);
}

const inodeLabel = ascii(" ino:");
const deviceLabel = ascii(" dev:");
const peersLabel = ascii(" peers:");

function writeExtended(text: ByteWriter, socket: UnixSocket): void {
  const { shutdownBits } = socket;
  if (shutdownBits !== undefined) writeShutdown(text, shutdownBits);
  const { fileInode, fileDevice, pending } = socket;
  if (fileInode !== undefined) {
    text.put(inodeLabel);
    text.unsigned(fileInode);
    // ss unpacks the device number like the C library, although the kernel packs it in another way.
    const device = fileDevice ?? 0;
    text.put(deviceLabel);
    text.unsigned((device >>> 8) & 0xfff);
    text.byte(SLASH);
    text.unsigned((device & 0xff) | ((device >>> 12) & 0xfff00));
  }
  if (pending !== undefined) {
    text.put(peersLabel);
    for (const inode of pending) {
      text.byte(BLANK);
      text.unsigned(inode);
    }
  }
}

/** Writes the row of a UNIX socket. */
export function writeUnixRow(table: Table, socket: UnixSocket, style: Style, names: Names): void {
  const { text, shows } = table;
  startRow(table, socket, style);
  if (shows.netid) {
    text.put(netids.get(socket.type) ?? dgramNetid);
    table.close();
  }
  if (shows.state) {
    writeState(text, socket.stateNumber);
    table.close();
  }
  if (shows.recvQueue) {
    writeQueue(text, socket.rqueue ?? 0);
    table.close();
  }
  if (shows.sendQueue) {
    writeQueue(text, socket.wqueue ?? 0);
    table.close();
  }
  writeName(text, socket, style);
  text.byte(BLANK);
  table.close();
  text.unsigned(socket.inode);
  table.close();
  writePeerName(text, socket, style);
  text.byte(BLANK);
  table.close();
  text.unsigned(socket.peerInode ?? 0);
  table.close();
  writeProcessCells(table, socket, style, names);
  if (style.memory) {
    const { memory } = socket;
    if (memory !== undefined) writeSkMemInfo(text, memory);
  }
  if (style.extended) writeExtended(text, socket);
  table.close();
}
