/** Rows of UNIX sockets straight from the kernel's messages, as `inet/direct.ts` writes those of inet sockets. */
import { keepOutOfLastTier } from "#libc";
import { OVERSHOOT, putBytes, putStamp, putUint32, stamp } from "../../bytes/put.ts";
import { roomBytes, roomData, roomWords } from "../../bytes/room.ts";
import { lengthOf, payloads, sized, walkAttributes } from "../../diag/room-attributes.ts";
import type { Netns } from "../../host/namespaces.ts";
import type { DumpName } from "../../model/selection.ts";
import { putQueue, putShutdown, putState } from "../../table/cells.ts";
import { putSkMemInfo } from "../../table/memory.ts";
import { netnsCell } from "../../table/places.ts";
import { ownerCells } from "../../table/process.ts";
import { hasPlainOwners, type Names, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import type { DirectRows } from "../direct-rows.ts";
import { UNIX_DIAG_MESSAGE_SIZE, unixAttributes, unixDiagMessage } from "./layout.ts";
import { netidOf, putFile, writeUnixRow } from "./row.ts";
import type { UnixSocket } from "./socket.ts";

const AT = 0x40;
const STAR = 0x2a;
const BLANK = 0x20;
const DELETE = 0x7f;

/** Names longer than this are left to the writer that can write everything. The kernel's have at most 108 bytes. */
const NAME_LIMIT = 128;
/** Room for a row: its cells, a name, its memory. */
const ROW_ROOM = NAME_LIMIT + 512 + OVERSHOOT;

/** Where the fields of a message are, from its start. */
const TYPE = unixDiagMessage.type.offset;
const STATE = unixDiagMessage.stateNumber.offset;
const INODE = unixDiagMessage.inode.offset;

/** Attributes by number. */
const NAME = unixAttributes.name.id;
const VFS = unixAttributes.vfs.id;
const PEER = unixAttributes.peer.id;
const ICONS = unixAttributes.icons.id;
const RQLEN = unixAttributes.rqlen.id;
const MEM_INFO = unixAttributes.memInfo.id;
const SHUTDOWN = unixAttributes.shutdown.id;

const noPeer = stamp("* ");

/** Whether the rows of a table can be written straight from messages. */
function isDirect({ shows }: Table, style: Style): boolean {
  const places = shows.peerProcess || shows.container;
  if (places || (shows.process && !hasPlainOwners(style))) return false;
  return shows.recvQueue === shows.sendQueue;
}

/**
 * Writes the name that begins at `from` in the room: a path ends at its first NUL, each NUL of an abstract name becomes
 * `@`.
 *
 * @param plain whether only printable ASCII is written
 * @returns the position behind it; -1 if it has bytes that are not written
 */
function putName(target: DataView, at: number, from: number, length: number, plain: boolean): number {
  if (length > NAME_LIMIT) return -1;
  const abstract = roomBytes[from] === 0;
  let next = at;
  for (let index = from; index < from + length; index++) {
    let byte = roomBytes[index]!;
    if (byte === 0) {
      if (!abstract) return next;
      byte = AT;
    }
    if (plain && (byte < BLANK || byte >= DELETE)) return -1;
    target.setUint8(next++, byte);
  }
  return next;
}

/** The number that an attribute has at an offset; 0 if it was not sent. */
function wordOf(type: number, offset: number): number {
  const payload = sized(type, offset + 4);
  return payload === 0 ? 0 : roomWords[(payload + offset) >> 2]!;
}

/** See {@link Family.direct}. */
export function directUnixRows(
  table: Table,
  style: Style,
  names: Names,
): ((name?: DumpName, netns?: Netns) => DirectRows<UnixSocket>) | undefined {
  if (!isDirect(table, style)) return undefined;
  const { text, shows } = table;
  const { netid: showsNetid, state: showsState, recvQueue: showsQueues, process: showsOwners } = shows;
  const owners = ownerCells(names);
  const room = ROW_ROOM + (showsOwners ? owners.room : 0);
  const { memory, extended, escape: escapes } = style;
  /** The cell of the network namespace whose dump began last; undefined if the table has none. */
  let place: Uint8Array | undefined;

  function put(offset: number, length: number): boolean {
    if (!walkAttributes(offset + UNIX_DIAG_MESSAGE_SIZE, offset + length)) return false;
    if (extended && payloads[ICONS] !== 0) return false;
    table.beginRow();
    text.reserve(place === undefined ? room : room + place.length);
    const target = text.data;
    const { lengths } = table;
    let cell = table.cells;
    let start = text.length;
    let at = start;
    if (place !== undefined) {
      at = putBytes(target, at, place);
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsNetid) {
      at = putStamp(target, at, netidOf(roomBytes[offset + TYPE]!));
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsState) {
      at = putState(target, at, roomBytes[offset + STATE]!);
      lengths[cell++] = at - start;
      start = at;
    }
    if (showsQueues) {
      at = putQueue(target, at, wordOf(RQLEN, 0));
      lengths[cell++] = at - start;
      start = at;
      at = putQueue(target, at, wordOf(RQLEN, 4));
      lengths[cell++] = at - start;
      start = at;
    }
    const name = payloads[NAME]!;
    if (name === 0) target.setUint8(at++, STAR);
    else at = putName(target, at, name, lengthOf(name), escapes);
    if (at < 0) return false;
    target.setUint8(at++, BLANK);
    lengths[cell++] = at - start;
    start = at;
    at = putUint32(target, at, roomWords[(offset + INODE) >> 2]!);
    lengths[cell++] = at - start;
    start = at;
    at = putStamp(target, at, noPeer);
    lengths[cell++] = at - start;
    start = at;
    at = putUint32(target, at, wordOf(PEER, 0));
    lengths[cell++] = at - start;
    start = at;
    if (showsOwners) {
      at = owners.put(target, at, roomWords[(offset + INODE) >> 2]!);
      if (at < 0) return false;
      lengths[cell++] = at - start;
      start = at;
    }
    const memInfo = memory ? payloads[MEM_INFO]! : 0;
    if (memInfo !== 0) at = putSkMemInfo(target, at, roomData, memInfo, lengthOf(memInfo));
    if (extended) {
      const shutdown = sized(SHUTDOWN, 1);
      if (shutdown !== 0) at = putShutdown(target, at, roomBytes[shutdown]!);
      if (sized(VFS, 4) !== 0) at = putFile(target, at, wordOf(VFS, 0), wordOf(VFS, 4));
    }
    lengths[cell] = at - start;
    table.closeRow(at);
    return true;
  }

  keepOutOfLastTier(put);
  return (_, netns) => {
    if (shows.netns) place = netnsCell(netns, style);
    return { put, write: (socket) => writeUnixRow(table, socket, style, names) };
  };
}

keepOutOfLastTier(putName, wordOf);
