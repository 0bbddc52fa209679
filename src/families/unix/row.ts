/** Writes UNIX sockets as rows of ss's table. */
import { OVERSHOOT, putInt31, putStamp, putUint32, type Stamp, stamp } from "../../bytes/put.ts";
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

const streamNetid = stamp("u_str");
const seqpacketNetid = stamp("u_seq");
const dgramNetid = stamp("u_dgr");

/** What the Netid column shows for a type of socket. */
export function netidOf(type: number): Stamp {
  return type === SOCK_STREAM ? streamNetid : type === SOCK_SEQPACKET ? seqpacketNetid : dgramNetid;
}

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

const inodeLabel = stamp(" ino:");
const deviceLabel = stamp(" dev:");
/** Room for the text of {@link putFile}. */
const FILE_ROOM = 64 + OVERSHOOT;
const peersLabel = ascii(" peers:");

/**
 * Writes ` ino:N dev:MAJOR/MINOR` of the file that a socket is bound to. The numbers may be signed.
 *
 * @returns the position behind it
 */
export function putFile(target: DataView, at: number, inode: number, device: number): number {
  let next = putUint32(target, putStamp(target, at, inodeLabel), inode | 0);
  // ss unpacks the device number like the C library, although the kernel packs it in another way.
  next = putInt31(target, putStamp(target, next, deviceLabel), (device >>> 8) & 0xfff);
  target.setUint8(next, SLASH);
  return putInt31(target, next + 1, (device & 0xff) | ((device >>> 12) & 0xfff00));
}

function writeExtended(text: ByteWriter, socket: UnixSocket): void {
  const { shutdownBits } = socket;
  if (shutdownBits !== undefined) writeShutdown(text, shutdownBits);
  const { fileInode, fileDevice, pending } = socket;
  if (fileInode !== undefined) {
    text.reserve(FILE_ROOM);
    text.length = putFile(text.data, text.length, fileInode, fileDevice ?? 0);
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
    text.stamp(netidOf(socket.type));
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
