/** The entry point of the executable: gives the process to a run. */
import { fstatSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { libc } from "#libc";
import { once } from "../enrich/once.ts";
import { liveHost } from "../host/live.ts";
import { EAGAIN, EINTR } from "../native/libc.ts";
import { isStandardOutputClosed } from "./closed.ts";
import { habits } from "./commands/words.ts";
import { run } from "./run.ts";
import type { Output, Terminal } from "./world.ts";

const STDOUT = 1;
const STDERR = 2;
const TIOCGWINSZ = 0x5413;
const EBADF = 9;
const EPIPE = 32;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;
/** What a shell shows for a process that SIGPIPE ended, as it would ss. */
const EXIT_PIPE = 141;

/** Standard output cannot be written to. */
class OutputError extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`Cannot write to standard output: ${libc.strerror(errno)}`);
    this.errno = errno;
  }
}

/** Writes all of the bytes, however slowly the reader takes them. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0; ) {
    const written = libc.write(fd, rest);
    if (written >= 0) rest = rest.subarray(written);
    else if (written === -EAGAIN) libc.poll(fd, POLLOUT, -1);
    else if (written !== -EINTR) throw new OutputError(-written);
  }
}

/** The columns of a terminal; 0 if it does not say, undefined if it is none. */
function terminalColumns(fd: number): number | undefined {
  const size = new Uint8Array(8);
  return libc.ioctl(fd, TIOCGWINSZ, size) < 0 ? undefined : size[2]! | (size[3]! << 8);
}

/** Whether a descriptor takes more: of a pipe, at least PIPE_BUF bytes. poll(2). A file always does. */
function room(fd: number, isFile: () => boolean): "free" | "full" | "broken" {
  if (isFile()) return "free";
  const ready = libc.poll(fd, POLLOUT, 0);
  if (ready < 0) return "full";
  if ((ready & (POLLERR | POLLHUP)) !== 0) return "broken";
  return (ready & POLLOUT) === 0 ? "full" : "free";
}

function output(fd: number): Output {
  const isFile = once(() => fstatSync(fd).isFile());
  return {
    write: (bytes) => writeAll(fd, bytes),
    terminalColumns: terminalColumns(fd),
    room: () => room(fd, isFile),
  };
}

/** Standard error: what cannot be said there is not said, and the exit status tells. */
function errorOutput(): Output {
  const { write, terminalColumns } = output(STDERR);
  return {
    terminalColumns,
    write(bytes) {
      try {
        write(bytes);
      } catch (error) {
        if (!(error instanceof OutputError)) throw error;
      }
    },
  };
}

function terminal(): Terminal | undefined {
  const { stdin, stdout } = process;
  return stdin.isTTY && stdout.isTTY ? { stdin, stdout } : undefined;
}

/** Signals that ask a process to end. */
const endings = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What shells add to the number of the signal that a process ended by. */
const EXIT_SIGNAL = 128;

const interrupted = once(() => {
  const controller = new AbortController();
  for (const name of endings) process.on(name, () => controller.abort(EXIT_SIGNAL + constants.signals[name]));
  return controller.signal;
});

/** Where a script starts us, it says what it was called by. */
const called = process.env["SOCKSCOPE_CALLED"] ?? process.argv0;
const name = basename(called);
const program = name === "ss" ? "ss" : "sockscope";
/** A link called `lsof` or `netstat` is that command. */
const habit = habits.filter((word) => word === name);
const stderr = errorOutput();
let status: number;
try {
  if (isStandardOutputClosed()) throw new OutputError(EBADF);
  status = await run({
    program,
    args: [...habit, ...process.argv.slice(2)],
    env: process.env,
    stdout: output(STDOUT),
    stderr,
    readStdin: () => readFileSync(0),
    terminal,
    interrupted,
    host: liveHost(() => new Worker(new URL("./sweep-worker.ts", import.meta.url))),
  });
  // Some file systems tell only now that there was no room.
  const closed = libc.close(STDOUT);
  if (closed < 0) throw new OutputError(-closed);
} catch (error) {
  if (error instanceof OutputError && error.errno === EPIPE) status = EXIT_PIPE;
  else {
    stderr.write(new TextEncoder().encode(`${program}: ${(error as Error).message}\n`));
    status = 1;
  }
}
// A look-up of a name may still be under way, and nobody waits for it any more.
process.exit(status);
