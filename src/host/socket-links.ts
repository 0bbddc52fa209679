/** Finds the sockets among the descriptors of a process, with only getdents64 and readlinkat. */
import { builtin, libc } from "#libc";
import { ascii } from "../bytes/writer.ts";
import { AT_FDCWD, O_DIRECTORY } from "../native/libc.ts";

const O_CLOEXEC = 0o2000000;

/** Offsets of length and name in struct linux_dirent64. dirent.h. */
const D_RECLEN = 16;
const D_NAME = 19;

const ZERO = 0x30;
const NINE = 0x39;
const SOCKET = ascii("socket:[");

/** A buffer for directory entries that no pass uses now. */
let spare: Uint8Array<ArrayBuffer> | undefined;

function takeBuffer(): Uint8Array<ArrayBuffer> {
  const buffer = spare ?? new Uint8Array(1 << 15);
  spare = undefined;
  return buffer;
}

/** The longest target of interest is `socket:[4294967295]`. */
const target = new Uint8Array(32);

/** The inode in the link target, or -1 if it is not a socket. */
function socketInode(length: number): number {
  if (length <= SOCKET.length || length >= target.length) return -1;
  for (let at = 0; at < SOCKET.length; at++) if (target[at] !== SOCKET[at]) return -1;
  let inode = 0;
  for (let at = SOCKET.length; at < length - 1; at++) inode = inode * 10 + target[at]! - ZERO;
  return inode;
}

/**
 * Visits the sockets in a directory of descriptors.
 *
 * @param directory /proc/PID/fd, or that of a thread
 * @param visit takes each descriptor that is a socket, with its inode
 * @returns false if the directory cannot be read
 */
export function socketLinks(directory: string, visit: (fd: number, inode: number) => void): boolean {
  const steps = socketLinksInSteps(directory, visit);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** {@link socketLinks} in steps of some hundred descriptors, for callers that must not block for long. */
export function* socketLinksInSteps(
  directory: string,
  visit: (fd: number, inode: number) => void,
): Generator<void, boolean> {
  const folder = libc.openat(AT_FDCWD, directory, O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const entries = takeBuffer();
  const entriesData = new DataView(entries.buffer);
  try {
    for (;;) {
      const filled = libc.getdents64(folder, entries);
      // A process that exits meanwhile has no more descriptors.
      if (filled <= 0) return true;
      for (let at = 0; at < filled; at += entriesData.getUint16(at + D_RECLEN, true)) {
        const name = at + D_NAME;
        let fd = 0;
        let end = name;
        for (; entries[end]! >= ZERO && entries[end]! <= NINE; end++) fd = fd * 10 + entries[end]! - ZERO;
        if (end === name) continue;
        const inode = socketInode(libc.readlinkat(folder, entries.subarray(name, end + 1), target));
        if (inode >= 0) visit(fd, inode);
      }
      yield;
    }
  } finally {
    spare = entries;
    libc.close(folder);
  }
}

/** How many descriptors such a directory has: its size since Linux 6.2. undefined on older kernels. */
export function descriptorCount(directory: string): number | undefined {
  try {
    // Older kernels report 0. A process without descriptors can be treated as unknown.
    return builtin("node:fs").statSync(directory).size || undefined;
  } catch {
    return undefined;
  }
}
