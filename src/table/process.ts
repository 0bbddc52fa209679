/** Writes the process cell: the processes that have a socket open. */
import { ascii, type ByteWriter } from "../bytes/writer.ts";
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

function writeOwner(text: ByteWriter, owner: Owner, style: Style): void {
  const { stat, pid, tid, fd } = owner;
  text.put(nameLabel);
  writeName(text, nameForSs(stat));
  text.put(pidLabel);
  text.unsigned(pid);
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
