/** The folder of a store: its files, their sizes, and that nobody else can read them. */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statfsSync,
  statSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { systemMessage } from "../native/errno.ts";
import { StoreError } from "./error.ts";

/** The environment variables that say where a user's store is. */
export type StoreEnvironment = Readonly<Record<string, string | undefined>>;

const ROOT_FOLDER = "/var/lib/sockscope";

/** Where the store is, if nobody says: root's is that of the host. undefined if the user has no home. */
export function defaultFolder(env: StoreEnvironment, isRoot: boolean): string | undefined {
  if (isRoot) return ROOT_FOLDER;
  const state = env["XDG_STATE_HOME"] || (env["HOME"] && join(env["HOME"], ".local/state"));
  return state && join(state, "sockscope");
}

/** Names of files: a number that counts up, and when the file was begun. */
const FILE_NAME = /^(\d{8})-\d{8}T\d{6}Z\.db$/;
/** What SQLite keeps beside a file. */
const COMPANIONS = ["", "-wal", "-shm", "-journal"];
/** The file whose lock a recorder holds. */
export const LOCK_NAME = "recorder.lock";

/** A file of a store. */
export interface StoreFile {
  /** Later files have higher numbers, whatever the clock said. */
  readonly number: number;
  readonly name: string;
}

/** The regular files of a store, oldest first: a FIFO would keep its reader waiting. @throws StoreError if the folder cannot be read */
export function storeFiles(folder: string): StoreFile[] {
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? entry.name : [],
    );
  } catch (error) {
    const hint = (error as NodeJS.ErrnoException).code === "ENOENT" ? ' ("sockscope record" makes one)' : "";
    throw new StoreError(`cannot read the store ${folder}: ${systemMessage(error)}${hint}`);
  }
  return names
    .flatMap((name) => {
      const number = FILE_NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), name }];
    })
    .sort((a, b) => a.number - b.number);
}

/** The name of a new file. */
export function fileName(number: number, wallMs: number): string {
  const time = new Date(wallMs).toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "");
  return `${String(number).padStart(8, "0")}-${time}.db`;
}

/** Bytes that a file and its companions take on disk. */
export function fileBytes(folder: string, name: string): number {
  let sum = 0;
  for (const companion of COMPANIONS)
    sum += statSync(join(folder, name + companion), { throwIfNoEntry: false })?.size ?? 0;
  return sum;
}

/** Bytes of the whole store. */
export function storeBytes(folder: string): number {
  return readdirSync(folder).reduce(
    (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** Bytes that are free on the disk of the store, for those without privileges. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Removes a file with its companions. */
export function removeFile(folder: string, name: string): void {
  for (const companion of COMPANIONS) {
    try {
      unlinkSync(join(folder, name + companion));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** Makes an empty file that only we can read. SQLite gives its companions the same mode. */
export function createPrivate(path: string): void {
  closeSync(openSync(path, "a", 0o600));
}

/** Makes the folder, or checks the one that is there. @param what its name in messages @throws StoreError if others can enter it */
export function makeFolder(folder: string, what = "store"): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    if (!found.isDirectory()) throw new StoreError(`cannot use the ${what} ${folder}: not a directory`);
    if (found.uid !== process.geteuid?.())
      throw new StoreError(`cannot use the ${what} ${folder}: it belongs to another user`);
    if ((found.mode & 0o077) !== 0)
      throw new StoreError(
        `cannot use the ${what} ${folder}: other users can enter it; give it a folder of its own`,
      );
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(`cannot make the ${what} ${folder}: ${systemMessage(error)}`);
  }
}

/** When a file was begun, by its name. */
export function begunMs({ name }: StoreFile): number {
  const [, year, month, day, hour, minute, second] =
    /-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(name)?.map(Number) ?? [];
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
