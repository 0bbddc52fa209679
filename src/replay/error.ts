/** The errors of recordings on disk. */

/** A recording cannot be read or written. */
export class RecordingError extends Error {
  /** Name of the class. */
  override readonly name = "RecordingError";
  /** Distinguishes it from our other errors. */
  readonly code = "recording";
  /** The folder or file of the recording. */
  readonly path: string;

  constructor(doing: "read" | "write", path: string, problem: string) {
    super(`Cannot ${doing} recording ${path}: ${problem}`);
    this.path = path;
  }
}

const problems: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "a file of that name is in the way",
  EISDIR: "a directory is in the way",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on the device",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  EFBIG: "file too large",
  EINVAL: "not a regular file",
  ELOOP: "a symbolic link is in the way",
};

/** Turns a failure of the file system into a {@link RecordingError}. */
export function recordingError(doing: "read" | "write", path: string, cause: unknown): RecordingError {
  const { code = "unknown error" } = cause as NodeJS.ErrnoException;
  return new RecordingError(doing, path, problems[code] ?? code);
}
