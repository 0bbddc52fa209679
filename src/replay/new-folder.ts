/** A new folder that nobody else can reach into, however the path to it changes. */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { RecordingError, recordingError } from "./error.ts";

/** Only we may read a recording: it has the command lines and descriptors of every user. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Write permission of the group and of others. */
const OTHERS_WRITE = 0o022;

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** A folder that holds only what is written through this object. Paths are relative to it. */
export interface NewFolder {
  /** Writes a new file, making the folders above it. */
  write(path: string, bytes: Uint8Array): void;
  /** Makes a symbolic link, and the folders above it. */
  link(path: string, target: string): void;
  /** Makes a folder and those above it. */
  makeFolder(path: string): void;
  /** Whether something with this name was made. */
  has(path: string): boolean;
  close(): void;
}

/**
 * Makes a folder, or takes one that is ours and empty. All writing goes through its descriptor, so that whoever may
 * rename the folder cannot make us write elsewhere.
 *
 * @throws RecordingError
 */
export function newFolder(path: string): NewFolder {
  let fd: number;
  try {
    makeIfMissing(path);
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (cause) {
    throw recordingError("write", path, cause);
  }
  const root = `/proc/self/fd/${fd}`;
  try {
    const problem = whyUnfit(fd, root);
    if (problem !== undefined) throw new RecordingError("write", path, problem);
  } catch (cause) {
    closeSync(fd);
    throw cause instanceof RecordingError ? cause : recordingError("write", path, cause);
  }
  // The folder was empty, so these are all names in it.
  const made = new Set<string>(["."]);
  const makeFolder = (name: string) => {
    if (made.has(name)) return;
    makeFolder(dirname(name));
    mkdirSync(`${root}/${name}`, { mode: FOLDER_MODE });
    made.add(name);
  };
  return {
    write(name, bytes) {
      makeFolder(dirname(name));
      const flag = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
      writeFileSync(`${root}/${name}`, bytes, { flag: flag as unknown as string, mode: FILE_MODE });
      made.add(name);
    },
    link(name, target) {
      makeFolder(dirname(name));
      symlinkSync(target, `${root}/${name}`);
      made.add(name);
    },
    makeFolder,
    has: (name) => made.has(name),
    close: () => closeSync(fd),
  };
}

function makeIfMissing(path: string): void {
  try {
    mkdirSync(path, { mode: FOLDER_MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Why an open folder cannot be used, or undefined. @param root a path that leads to it */
function whyUnfit(fd: number, root: string): string | undefined {
  const { uid, mode } = fstatSync(fd);
  if (uid !== process.geteuid?.()) return "the folder belongs to another user";
  if ((mode & OTHERS_WRITE) !== 0) return "other users may write to the folder";
  return readdirSync(root).length > 0 ? "the folder is not empty" : undefined;
}
