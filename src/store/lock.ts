/** The lock of a store: one recorder writes to it. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { systemMessage } from "../native/errno.ts";
import { StoreError } from "./error.ts";
import { createPrivate, LOCK_NAME } from "./folder.ts";

/**
 * Takes the lock of a folder; it is held until the returned database is closed, or the process ends.
 *
 * @throws StoreError if another recorder has it, or the folder cannot be written
 */
export function lockFolder(folder: string): Database {
  const path = join(folder, LOCK_NAME);
  let lock: Database | undefined;
  try {
    createPrivate(path);
    lock = new Database(path, { readwrite: true, create: true });
    lock.run("PRAGMA locking_mode = EXCLUSIVE");
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { code?: string }).code === "SQLITE_BUSY")
      throw new StoreError(`another recorder writes to ${folder}`);
    throw new StoreError(`cannot lock the store ${folder}: ${systemMessage(error)}`);
  }
}
