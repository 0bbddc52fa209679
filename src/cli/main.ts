/** The entry point of the executable: connects a run to the process. */
import { builtin, libc } from "#libc";
import { escapeLines } from "../bytes/terminal.ts";
import { encodeBytes } from "../bytes/text.ts";
import { ascii } from "../bytes/writer.ts";
import { once } from "../enrich/once.ts";
import { liveHost } from "../host/live.ts";
import { commandLine } from "./command-line.ts";
import { habits } from "./commands/command-names.ts";
import { run } from "./run.ts";
import { brokenPipeStatus, standardOutput, WriteError, writeAll } from "./standard-output.ts";
import type { Output, Terminal } from "./world.ts";

const STDOUT = 1;
const STDERR = 2;
const TIOCGWINSZ = 0x5413;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;

/** The width of a terminal in columns; 0 if it is unknown, undefined if the descriptor is not a terminal. */
function terminalColumns(fd: number): number | undefined {
  const size = new Uint8Array(8);
  return libc.ioctl(fd, TIOCGWINSZ, size) < 0 ? undefined : size[2]! | (size[3]! << 8);
}

/** Whether a write would not block: for a pipe, a write of PIPE_BUF bytes. Writes to files never do. poll(2). */
function room(fd: number, isFile: () => boolean): "free" | "full" | "broken" {
  if (isFile()) return "free";
  const ready = libc.poll(fd, POLLOUT, 0);
  if (ready < 0) return "full";
  if ((ready & (POLLERR | POLLHUP)) !== 0) return "broken";
  return (ready & POLLOUT) === 0 ? "full" : "free";
}

function output(fd: number, write: Output["write"]): Output {
  const isFile = once(() => builtin("node:fs").fstatSync(fd).isFile());
  return { write, terminalColumns: terminalColumns(fd), room: () => room(fd, isFile) };
}

const ERASE_LINE = ascii("\r\u001b[K");

/** Writes to standard error. A failure is not reported: the exit status must do. */
function writeError(bytes: Uint8Array): void {
  try {
    writeAll(STDERR, bytes);
  } catch (error) {
    if (!(error instanceof WriteError)) throw error;
  }
}

/** Standard error. On a terminal, messages are escaped: they quote arguments, paths and the kernel's words. */
function errorOutput(): Output {
  const plain = output(STDERR, writeError);
  if (plain.terminalColumns === undefined) return plain;
  return {
    ...plain,
    write: (bytes) => writeError(escapeLines(bytes)),
    eraseLine: () => writeError(ERASE_LINE),
  };
}

/**
 * Writes the last message of a process. Not through libc, which may be what fails. node:tty is loaded only here: it
 * would take 2 ms of every start.
 */
function reportFatal(text: string): void {
  const bytes = encodeBytes(text);
  try {
    const { isatty } = process.getBuiltinModule("node:tty");
    builtin("node:fs").writeSync(STDERR, isatty(STDERR) ? escapeLines(bytes) : bytes);
  } catch {
    // The exit status remains.
  }
}

function terminal(): Terminal | undefined {
  const { stdin, stdout } = process;
  return stdin.isTTY && stdout.isTTY ? { stdin, stdout } : undefined;
}

/** Signals that end a process by default, and that it may handle. signal(7). */
const endings = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
/** Shells add this to the number of the signal that ended a process. */
const EXIT_SIGNAL = 128;

const interrupted = once(() => {
  const controller = new AbortController();
  const { signals } = builtin("node:os").constants;
  for (const name of endings) process.on(name, () => controller.abort(EXIT_SIGNAL + signals[name]));
  return controller.signal;
});

/** The name of the script that starts us, or else our own. */
const called = process.env["SOCKSCOPE_CALLED"] ?? process.argv0;
const name = called.slice(called.lastIndexOf("/") + 1);
const program = name === "ss" ? "ss" : "sockscope";
/** A link called `lsof` or `netstat` runs that command. */
const habit: string[] = [];
for (const word of habits) if (word === name) habit.push(word);
let status = 0;
try {
  const standard = standardOutput();
  const stderr = errorOutput();
  status = await run({
    program,
    args: [...habit, ...commandLine()],
    env: process.env,
    stdout: { ...output(STDOUT, standard.write), ignoreFailures: standard.ignoreFailures },
    stderr,
    readStdin: () => builtin("node:fs").readFileSync(0),
    terminal,
    interrupted,
    run,
    host: liveHost({
      startSweep: () => new Worker(new URL("./sweep-worker.ts", import.meta.url)),
      startNames: () => new Worker(new URL("./name-worker.ts", import.meta.url)),
    }),
    startPast: () => new Worker(new URL("./past-worker.ts", import.meta.url)),
  });
  standard.finish();
} catch (error) {
  const broken = error instanceof WriteError ? brokenPipeStatus(error, status) : undefined;
  if (broken === undefined) reportFatal(`${program}: ${(error as Error).message}\n`);
  status = broken ?? 1;
}
// A look-up of a name may still wait for its answer.
process.exit(status);
