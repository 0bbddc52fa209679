/** Writes the process cell: the processes that have a socket open. */
import { keepOutOfLastTier } from "#libc";
import { OVERSHOOT, putCopy, putInt31, putStamp, stamp } from "../bytes/put.ts";
import { ascii, ByteWriter } from "../bytes/writer.ts";
import type { OwnerTable } from "../enrich/owner-table.ts";
import { nameForSs, type Owner } from "../enrich/processes.ts";
import { type Names, putForeign, type Style } from "./style.ts";

const COMMA = 0x2c;
const CLOSE = 0x29;
const POINT = 0x2e;
const QUESTION = 0x3f;
const DELETE = 0x7f;

const BLANK = 0x20;
const usersLabel = ascii("users:(");
const nameLabel = ascii('("');
const pidLabel = ascii('",pid=');
const tidLabel = ascii(",tid=");
const fdLabel = ascii(",fd=");
const processContextLabel = ascii(",proc_ctx=");
const socketContextLabel = ascii(",sock_ctx=");
const unavailable = ascii("unavailable");

/** Writes a name byte by byte, with control characters as `.` and bytes beyond ASCII as `?`. */
function writeName(text: ByteWriter, name: Uint8Array): void {
  for (const byte of name) {
    if (byte < 0x20 || byte === DELETE) text.byte(POINT);
    else text.byte(byte < 0x80 ? byte : QUESTION);
  }
}

/** Writes a label and an SELinux context, or ss's text for an unavailable context. */
export function writeContext(
  text: ByteWriter,
  label: Uint8Array,
  context: Uint8Array | undefined,
  style: Style,
): void {
  text.put(label);
  if (context === undefined) text.put(unavailable);
  else putForeign(text, context, style);
}

/** Writes what an owner begins with: its name and its pid. */
function writeNameAndPid(text: ByteWriter, stat: Uint8Array, pid: number): void {
  text.put(nameLabel);
  writeName(text, nameForSs(stat));
  text.put(pidLabel);
  text.unsigned(pid);
}

function writeOwner(text: ByteWriter, owner: Owner, style: Style): void {
  const { stat, pid, tid, fd } = owner;
  writeNameAndPid(text, stat, pid);
  if (style.threads) {
    text.put(tidLabel);
    text.unsigned(tid);
  }
  if (style.processContext) writeContext(text, processContextLabel, owner.processContext, style);
  text.put(fdLabel);
  text.unsigned(fd);
  if (style.socketContext) writeContext(text, socketContextLabel, owner.socketContext, style);
  text.byte(CLOSE);
}

/** Writes owners as a list. */
export function writeOwnerList(text: ByteWriter, owners: readonly Owner[], style: Style): void {
  text.put(usersLabel);
  for (let index = 0; index < owners.length; index++) {
    if (index > 0) text.byte(COMMA);
    writeOwner(text, owners[index]!, style);
  }
  text.byte(CLOSE);
}

/** Writes the owners of a socket into the process cell. Leaves it empty if no process has the socket open. */
export function writeOwners(text: ByteWriter, inode: number, style: Style, names: Names): void {
  const owners = inode === 0 ? undefined : names.owners(inode);
  if (owners === undefined) return;
  text.byte(BLANK);
  writeOwnerList(text, owners, style);
}

/** Process cells with more owners, or with longer text of a process, are left to {@link writeOwners}. */
const MOST_OWNERS = 256;
const LONGEST_PREFIX = 64;
const DESCRIPTOR_ROOM = 16;
const OWNERS_ROOM = MOST_OWNERS * (LONGEST_PREFIX + DESCRIPTOR_ROOM) + OVERSHOOT;

const cellLabel = stamp(" users:(");

/** Writes process cells straight from the table of owners. */
export interface OwnerCells {
  /** Bytes that a cell takes at most. */
  readonly room: number;
  /**
   * Writes the owners of the socket of an inode.
   *
   * @returns the position behind the cell; -1 if it is left to {@link writeOwners}
   */
  put(target: DataView, at: number, inode: number): number;
}

/** Makes what writes the owners of a socket as {@link writeOwners} does, for styles of `hasPlainOwners`. */
export function ownerCells(names: Names): OwnerCells {
  let table: OwnerTable | undefined;
  /** The text of each holder up to the descriptor, and its length; null if it is too long. */
  let prefixes: (DataView | null | undefined)[] = [];
  let lengths: number[] = [];

  function prefixOf(holder: number): DataView | null {
    const { pid, stat } = table!.holder(holder);
    const text = new ByteWriter(LONGEST_PREFIX + OVERSHOOT);
    writeNameAndPid(text, stat, pid);
    text.put(fdLabel);
    lengths[holder] = text.length;
    const prefix = text.length > LONGEST_PREFIX ? null : text.data;
    prefixes[holder] = prefix;
    return prefix;
  }

  function put(target: DataView, at: number, inode: number): number {
    if (inode === 0) return at;
    const current = names.ownerTable?.();
    if (current === undefined) return -1;
    if (current !== table) {
      table = current;
      prefixes = [];
      lengths = [];
    }
    let each = table.first(inode);
    if (each < 0) return at;
    let next = putStamp(target, at, cellLabel);
    for (let count = 0; each >= 0; count++) {
      if (count === MOST_OWNERS) return -1;
      if (count > 0) target.setUint8(next++, COMMA);
      const holder = table.holderOf(each);
      const known = prefixes[holder];
      const prefix = known === undefined ? prefixOf(holder) : known;
      if (prefix === null) return -1;
      next = putInt31(target, putCopy(target, next, prefix, 0, lengths[holder]!), table.fdOf(each));
      target.setUint8(next++, CLOSE);
      each = table.next(each);
    }
    target.setUint8(next, CLOSE);
    return next + 1;
  }

  keepOutOfLastTier(put);
  return { room: OWNERS_ROOM, put };
}
