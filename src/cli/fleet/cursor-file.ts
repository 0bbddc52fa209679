/** The file of `--cursor-file`: what was shown of a fleet's stream. */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, renameSync, unlinkSync, writeSync } from "node:fs";
import type { Feed } from "../../fleet/nats/stream.ts";
import { type NextNumber, ReceivedNumbers } from "../../fleet/nats/stream-numbers.ts";
import type { StreamPosition } from "../../fleet/nats/stream-read.ts";
import type { Files } from "../../host/host.ts";
import { openNewFile } from "../../host/output-file.ts";
import { systemMessage } from "../../native/errno.ts";

/** What was shown. */
export interface Cursor {
  readonly feed: Feed;
  /** The last message; undefined if none was read yet. */
  readonly position: StreamPosition | undefined;
  readonly received: readonly NextNumber[];
}

/** A file that is not one of ours. */
export class CursorError extends Error {
  override readonly name = "CursorError";
  /** Distinguishes this error from others. */
  readonly code = "cursor";
}

const VERSION = 1;
const FILE_LIMIT = 64 << 20;

type Plain = { readonly [key: string]: unknown };

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPosition(value: unknown): value is StreamPosition {
  return isPlain(value) && typeof value["created"] === "string" && Number.isSafeInteger(value["sequence"]);
}

function isNext(value: unknown): value is NextNumber {
  if (!isPlain(value) || !Number.isSafeInteger(value["next"])) return false;
  return ["host", "boot", "spool"].every((key) => typeof value[key] === "string");
}

/**
 * Reads the file.
 *
 * @returns undefined if there is none
 * @throws CursorError if it cannot be read, or is the file of another feed
 */
export function readCursor(files: Files, path: string, feed: Feed): Cursor | undefined {
  let text: string;
  try {
    text = new TextDecoder().decode(files.read(path, { limit: FILE_LIMIT }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CursorError(`cannot read ${path}: ${systemMessage(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CursorError(`${path} is not a file that --cursor-file has written`);
  }
  const known = isPlain(value) && value["sockscope"] === VERSION ? value : {};
  const { feed: found, position, received } = known;
  if (
    !Array.isArray(received) ||
    !received.every(isNext) ||
    !(position === undefined || isPosition(position))
  )
    throw new CursorError(`${path} is not a file that --cursor-file has written`);
  if (found !== feed) throw new CursorError(`${path} belongs to a run that shows ${String(found)}`);
  return { feed, position, received };
}

/** Replaces the file: a reader finds the old contents or the new ones, whole. @throws CursorError */
export function writeCursor(path: string, cursor: Cursor): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = openNewFile(temporary);
    try {
      writeSync(file, `${JSON.stringify({ sockscope: VERSION, ...cursor })}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It was not made.
    }
    throw new CursorError(`cannot write ${path}: ${systemMessage(error)}`);
  }
}

/** The numbers of a cursor. */
export function numbersOf(cursor: Cursor | undefined): ReceivedNumbers {
  return new ReceivedNumbers(cursor?.received);
}
