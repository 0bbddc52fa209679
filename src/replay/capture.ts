/** The bytes of a capture. A big one stays on disk and is read piece by piece. */
import { closeSync, readSync, type Stats } from "node:fs";
import { expectLongRun } from "#libc";
import { openRegularFile } from "../host/read.ts";
import { RecordingError, recordingError } from "./error.ts";

/** Bytes from which on a capture stays on disk. */
const BIG = 1 << 22;
/** Bytes that are read at a time for headers of packets and single messages, and for whole packets. */
const PIECES = 1 << 12;
const PACKETS = 1 << 18;

/** Bytes that can be read anywhere. */
export interface Bytes {
  readonly size: number;
  /** Gives bytes from a position on, fewer at the end. They are valid until the next call. */
  read(at: number, length: number): Uint8Array;
}

/** A capture. */
export interface Capture {
  /** Opens it. @throws RecordingError if it cannot be read, or is another file than before */
  open(purpose: "headers" | "messages" | "packets"): Bytes & Disposable;
  /** Whether it stays on disk, so that messages are read again rather than kept. */
  readonly isBig?: true;
}

/** Bytes in memory as a capture. */
export function captureOf(bytes: Uint8Array): Capture {
  return {
    open: () => ({
      size: bytes.length,
      read: (at, length) => bytes.subarray(at, at + length),
      [Symbol.dispose]: () => undefined,
    }),
  };
}

/** Reads from a descriptor until there is nothing more, or no room. @returns how many bytes */
function fill(fd: number, room: Uint8Array, at: number): number {
  let filled = 0;
  while (filled < room.length) {
    const count = readSync(fd, room, filled, room.length - filled, at + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** The bytes of an open file. @param atOnce how many are read at a time */
function bytesOf(fd: number, size: number, atOnce: number): Bytes & Disposable {
  let room = new Uint8Array(atOnce);
  let start = 0;
  let filled = 0;
  return {
    size,
    read(at, length) {
      if (at < start || at + length > start + filled) {
        if (length > room.length) room = new Uint8Array(length);
        start = at;
        filled = fill(fd, room, at);
      }
      return room.subarray(at - start, Math.min(at - start + length, filled));
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/**
 * Opens the file of a capture.
 *
 * @param limit bytes that it may have
 * @returns undefined if it does not exist
 * @throws RecordingError if it is not a regular file, too long, or cannot be read
 */
export function captureFile(recording: string, path: string, limit: number): Capture | undefined {
  const open = () => {
    try {
      return openRegularFile(path, limit);
    } catch (cause) {
      throw recordingError("read", recording, cause);
    }
  };
  let first: Stats;
  try {
    const { fd, stat } = openRegularFile(path, limit);
    try {
      if (stat.size < BIG) {
        const bytes = new Uint8Array(stat.size);
        return captureOf(bytes.subarray(0, fill(fd, bytes, 0)));
      }
    } finally {
      closeSync(fd);
    }
    first = stat;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw recordingError("read", recording, cause);
  }
  expectLongRun();
  return {
    isBig: true,
    open(purpose) {
      const { fd, stat } = open();
      if (stat.dev !== first.dev || stat.ino !== first.ino || stat.size !== first.size) {
        closeSync(fd);
        throw new RecordingError("read", recording, "its file is another one now");
      }
      return bytesOf(fd, stat.size, purpose === "packets" ? PACKETS : PIECES);
    },
  };
}
