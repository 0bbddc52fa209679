/** Opening a file that the user named, to write it. open(2); fs.protected_symlinks and protected_regular in proc(5). */
import { constants, lstatSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { filePath } from "../bytes/text.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
/** Readable by the owner alone: such files describe other users' sockets, or hold keys. */
const MODE = 0o600;
const ANYBODY_WRITES = 0o002;
const EACCES = 13;

/**
 * Makes a file that we alone can read, and opens it to write. A file or link that is there already is refused.
 *
 * @returns the descriptor
 * @throws an error with a system error `code` and `errno`
 */
export function openNewFile(path: string): number {
  return openSync(filePath(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
}

/**
 * Opens a file to write it from its beginning. A new file is readable by us alone. In a folder where anybody can make
 * files, such as /tmp, a file or link that somebody else put there is refused, whatever the host's settings are.
 *
 * @returns the descriptor
 * @throws an error with a system error `code` and `errno`
 */
export function openOutputFile(path: string): number {
  try {
    return openNewFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const folder = statSync(filePath(dirname(path)));
  const { uid } = lstatSync(filePath(path));
  if ((folder.mode & ANYBODY_WRITES) !== 0 && uid !== process.geteuid?.() && uid !== folder.uid)
    throw Object.assign(new Error(`EACCES: open '${path}'`), { code: "EACCES", errno: -EACCES });
  return openSync(filePath(path), O_WRONLY | O_TRUNC);
}
