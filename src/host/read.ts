/** Reading files that somebody else may control: bounded, and without waiting for anybody. open(2), openat2(2). */
import type { Stats } from "node:fs";
import { builtin, expectLongRun, libc } from "#libc";
import { filePath } from "../bytes/text.ts";
import { AT_FDCWD, EINTR, O_DIRECTORY } from "../native/libc.ts";
import type { ReadBound } from "./host.ts";

/** asm-generic/fcntl.h. */
const O_RDONLY = 0;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
/** Opening neither waits for a FIFO nor makes a terminal our controlling one. */
const OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/** linux/openat2.h. */
const RESOLVE = { noCrossingMounts: 0x01, noMagicLinks: 0x02, noSymlinks: 0x04, beneath: 0x08 } as const;
const RESOLVE_STRICTLY =
  RESOLVE.noCrossingMounts | RESOLVE.noMagicLinks | RESOLVE.noSymlinks | RESOLVE.beneath;

const CHUNK = 1 << 16;

/** The names of errors by number, such as ENOENT. */
let codes: ReadonlyMap<number, string> | undefined;

function codesByNumber(): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  // Of two names of a number, the first is the canonical one.
  for (const [code, number] of Object.entries(builtin("node:os").constants.errno))
    if (!found.has(number)) found.set(number, code);
  return found;
}

/** A system error as Node throws it. @param errno positive */
function systemError(errno: number, path: string): NodeJS.ErrnoException {
  codes ??= codesByNumber();
  const code = codes.get(errno) ?? `E${errno}`;
  return Object.assign(new Error(`${code}: ${libc.strerror(errno)}, open '${path}'`), {
    code,
    errno: -errno,
    path,
  });
}

/** The descriptor that a call returned. @throws a system error for a negated errno */
function opened(result: number, path: string): number {
  if (result < 0) throw systemError(-result, path);
  return result;
}

/** Opens a regular file of a user somewhere below a folder. @throws a system error if the path is anything else */
function openStrangers(path: string, { uid, folder }: NonNullable<ReadBound["stranger"]>): number {
  const { isAbsolute, relative } = builtin("node:path");
  const { closeSync, fstatSync } = builtin("node:fs");
  const below = relative(folder, path);
  if (below === "" || below.startsWith("..") || isAbsolute(below)) throw systemError(1, path);
  const directory = opened(libc.openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  let fd: number;
  try {
    fd = opened(libc.openat2(directory, below, OPEN_FLAGS, RESOLVE_STRICTLY), path);
  } finally {
    libc.close(directory);
  }
  const stat = fstatSync(fd);
  if (stat.isFile() && stat.uid === uid) return fd;
  closeSync(fd);
  throw systemError(1, path);
}

/** Where reads go first. Most files below /proc fit. */
const scratch = new Uint8Array(CHUNK);

/** Reads a descriptor to its end, or until there are more than `limit` bytes. */
function readUpTo(fd: number, limit: number, path: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let total = 0;
  while (total <= limit) {
    if (total >= CHUNK) expectLongRun();
    const wanted = Math.min(CHUNK, limit + 1 - total);
    const count = libc.read(fd, wanted === CHUNK ? scratch : scratch.subarray(0, wanted));
    if (count === -EINTR) continue;
    if (count < 0) throw systemError(-count, path);
    if (count === 0) break;
    parts.push(scratch.slice(0, count));
    total += count;
  }
  return parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts));
}

/** {@link Files.read} of this machine. */
export function readFile(path: string, bound?: ReadBound): Uint8Array {
  if (bound === undefined) {
    const bytes = builtin("node:fs").readFileSync(filePath(path));
    if (bytes.length > CHUNK) expectLongRun();
    return bytes;
  }
  const { limit, stranger } = bound;
  const fd =
    stranger === undefined
      ? opened(libc.openat(AT_FDCWD, path, OPEN_FLAGS), path)
      : openStrangers(path, stranger);
  try {
    return readUpTo(fd, limit, path);
  } finally {
    libc.close(fd);
  }
}

/**
 * Reads a whole regular file that a stranger may have put there. A FIFO or a device is not even opened, because opening
 * some devices has effects. Bytes appended meanwhile are not read. Files of /proc have no size and read as empty.
 *
 * @param limit bytes that it may have
 * @throws an error with a system error `code`: EINVAL if it is not a regular file, EFBIG if it is longer
 */
export function readRegularFile(path: string, limit: number): Uint8Array {
  const { readSync } = builtin("node:fs");
  const { fd, stat } = openRegularFile(path, limit);
  try {
    const bytes = new Uint8Array(stat.size);
    if (bytes.length > CHUNK) expectLongRun();
    let at = 0;
    for (let count = 1; at < bytes.length && count > 0; at += count)
      count = readSync(fd, bytes, at, bytes.length - at, null);
    return bytes.subarray(0, at);
  } finally {
    libc.close(fd);
  }
}

/**
 * Opens a regular file as {@link readRegularFile} does.
 *
 * @returns its descriptor and its status
 * @throws as {@link readRegularFile}
 */
export function openRegularFile(path: string, limit: number): { readonly fd: number; readonly stat: Stats } {
  const { fstatSync, statSync } = builtin("node:fs");
  checkRegular(statSync(path), path, limit);
  const fd = opened(libc.openat(AT_FDCWD, path, OPEN_FLAGS), path);
  try {
    // Another file may have taken its place meanwhile.
    const stat = fstatSync(fd);
    checkRegular(stat, path, limit);
    return { fd, stat };
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** @throws as {@link readRegularFile} */
function checkRegular(stat: Stats, path: string, limit: number): void {
  const code = stat.isDirectory()
    ? "EISDIR"
    : stat.isFile()
      ? stat.size > limit
        ? "EFBIG"
        : undefined
      : "EINVAL";
  if (code !== undefined) throw Object.assign(new Error(`${code}: open '${path}'`), { code });
}
