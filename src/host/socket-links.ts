/** Finds processes, and the sockets among their descriptors, by system calls: loading `node:fs` takes 1.5 ms. */
import { libc } from "#libc";
import { ascii } from "../bytes/writer.ts";
import { AT_FDCWD, O_DIRECTORY } from "../native/libc.ts";

const O_CLOEXEC = 0o2000000;

/** Offsets of length and name in struct linux_dirent64. dirent.h. */
const D_RECLEN = 16;
const D_NAME = 19;

const ZERO = 0x30;
const NINE = 0x39;
const SOCKET = ascii("socket:[");

/** Offset in the kernel's struct stat (asm/stat.h), the same on x86-64 and arm64. */
const ST_SIZE = 48;
const status = new Uint8Array(256);
const statusData = new DataView(status.buffer);

/** A buffer for directory entries that no pass uses now. */
let spare: Uint8Array<ArrayBuffer> | undefined;

function takeBuffer(): Uint8Array<ArrayBuffer> {
  const buffer = spare ?? new Uint8Array(1 << 15);
  spare = undefined;
  return buffer;
}

/** Where the number ended that {@link numberAt} read last. */
let numberEnd = 0;

/** Reads the decimal number at a position. @returns -1 if there is none */
function numberAt(bytes: Uint8Array, from: number): number {
  let number = 0;
  let end = from;
  for (; bytes[end]! >= ZERO && bytes[end]! <= NINE; end++) number = number * 10 + bytes[end]! - ZERO;
  numberEnd = end;
  return end === from ? -1 : number;
}

/**
 * The numbers among the names in a directory: processes in /proc, threads in /proc/PID/task.
 *
 * @returns ascending; undefined if the directory cannot be read
 */
export function numbersIn(directory: string): number[] | undefined {
  const folder = libc.openat(AT_FDCWD, directory, O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return undefined;
  const entries = takeBuffer();
  const entriesData = new DataView(entries.buffer);
  const numbers: number[] = [];
  let isAscending = true;
  let filled: number;
  for (;;) {
    filled = libc.getdents64(folder, entries);
    if (filled <= 0) break;
    for (let at = 0; at < filled; at += entriesData.getUint16(at + D_RECLEN, true)) {
      const number = numberAt(entries, at + D_NAME);
      if (number < 0 || entries[numberEnd] !== 0) continue;
      if (numbers.length > 0 && number < numbers[numbers.length - 1]!) isAscending = false;
      numbers.push(number);
    }
  }
  spare = entries;
  libc.close(folder);
  if (filled < 0) return undefined;
  // procfs has them in order; a copy of it may not.
  return isAscending ? numbers : numbers.sort((a, b) => a - b);
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
        const fd = numberAt(entries, name);
        if (fd < 0) continue;
        const inode = socketInode(libc.readlinkat(folder, entries.subarray(name, numberEnd + 1), target));
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
  if (libc.fstatat(AT_FDCWD, directory, status, 0) < 0) return undefined;
  // Older kernels report 0. A process without descriptors can be treated as unknown.
  return statusData.getUint32(ST_SIZE, true) || undefined;
}
