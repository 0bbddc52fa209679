/** Standard output: writes all bytes, and remembers what went wrong. */
import { builtin, libc } from "#libc";
import { EAGAIN, EINTR } from "../native/libc.ts";
import { isStandardOutputClosed } from "./stdout-closed.ts";

const STDOUT = 1;
const EBADF = 9;
const EPIPE = 32;
const POLLOUT = 4;
/** Bit of SIGPIPE in a mask of signals: signal 13 is bit 12. */
const SIGPIPE_BIT = 1n << 12n;
/** What a shell shows for a process that SIGPIPE ended, as it does for ss. */
const EXIT_PIPE = 141;

/** A write failed. */
export class WriteError extends Error {
  /** Positive errno. */
  readonly errno: number;
  constructor(errno: number) {
    super(`Cannot write to standard output: ${libc.strerror(errno)}`);
    this.errno = errno;
  }
}

/** Writes all of the bytes, however slowly the reader takes them. @throws WriteError */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0; ) {
    const written = libc.write(fd, rest);
    if (written === rest.length) return;
    if (written >= 0) rest = rest.subarray(written);
    else if (written === -EAGAIN) libc.poll(fd, POLLOUT, -1);
    else if (written !== -EINTR) throw new WriteError(-written);
  }
}

/** Standard output as the run of a program writes it. */
export interface StandardOutput {
  /** Writes all of the bytes. @throws WriteError, unless failures are ignored */
  write(bytes: Uint8Array): void;
  /** From now on a failed write discards its bytes, so that the run does the rest of its work. */
  ignoreFailures(): void;
  /** Closes the descriptor. @throws WriteError for the first write that failed, or if closing fails */
  finish(): void;
}

/** Standard output of this process. */
export function standardOutput(): StandardOutput {
  // The runtime opens /dev/null in the place of a closed standard output, so writes would succeed.
  let failure = isStandardOutputClosed() ? new WriteError(EBADF) : undefined;
  let ignoring = false;
  let written = false;
  return {
    write(bytes) {
      if (bytes.length === 0) return;
      written = true;
      try {
        if (failure !== undefined) throw failure;
        writeAll(STDOUT, bytes);
      } catch (error) {
        if (!(error instanceof WriteError)) throw error;
        failure = error;
        if (!ignoring) throw error;
      }
    },
    ignoreFailures() {
      ignoring = true;
    },
    finish() {
      if (failure !== undefined && written) throw failure;
      // Some file systems report a lack of room only now.
      const closed = libc.close(STDOUT);
      if (closed < 0) throw new WriteError(-closed);
    },
  };
}

/**
 * Whether the parent process ignores SIGPIPE, and so most likely made this process ignore it: shells under systemd do.
 * The runtime hides what this process inherited.
 */
function parentIgnoresSigpipe(): boolean {
  try {
    const status = builtin("node:fs").readFileSync(`/proc/${process.ppid}/status`, "latin1");
    const ignored = /^SigIgn:\s*([0-9a-f]+)/m.exec(status)?.[1];
    return (BigInt(`0x${ignored ?? "0"}`) & SIGPIPE_BIT) !== 0n;
  } catch {
    return false;
  }
}

/**
 * The exit status after the reader of standard output went away, as of ss: SIGPIPE ends it, or if that is ignored it
 * does not notice.
 *
 * @returns undefined for other errors
 */
export function brokenPipeStatus({ errno }: WriteError, status: number): number | undefined {
  if (errno !== EPIPE) return undefined;
  return parentIgnoresSigpipe() ? status : EXIT_PIPE;
}
