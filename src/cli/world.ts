/** The process as a parameter: nothing below the entry point reads argv, the environment or a terminal by itself. */
import type { ReadStream, WriteStream } from "node:tty";
import type { Host } from "../host/host.ts";
import type { RowSink } from "../query/query.ts";

/** Where a stream of bytes goes. */
export interface Output {
  /** Writes all of the bytes. @throws an error whose `code` is a system error name (`EPIPE`, `ENOSPC`, …) */
  write(bytes: Uint8Array): void;
  /** From now on a failed write discards its bytes: the run has more to do than to write. */
  readonly ignoreFailures?: () => void;
  /** On a terminal's standard error, erases the line that the cursor is in. */
  readonly eraseLine?: () => void;
  /** Columns of the terminal that this is; 0 if its width is unknown; undefined if it is not a terminal. */
  readonly terminalColumns: number | undefined;
  /** Whether a page of bytes can be written without waiting, or nobody reads any more; `free` if left out. */
  readonly room?: () => "free" | "full" | "broken";
}

/** A terminal to draw on. */
export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** All that a run takes from, and gives to, the process around it. */
export interface World {
  /** The name that messages begin with: `ss` or `sockscope`. */
  readonly program: string;
  /** Arguments after the program's name; bytes that are not UTF-8 as `decodeBytes` gives them. */
  readonly args: readonly string[];
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Reads standard input to its end. */
  readStdin(): Uint8Array;
  /** The terminal that the process is on; undefined if standard input or output is none. */
  terminal(): Terminal | undefined;
  /**
   * Is aborted by a signal that ends a process (SIGINT, SIGTERM, SIGHUP and others), which from the first call on does
   * not end it any more. The reason is the exit status that shells show for the signal, a number.
   */
  interrupted(): AbortSignal;
  /**
   * Is given the writer of rows straight from messages, and gives what is used in its place; undefined makes views of
   * all sockets. With it tests count the rows, and compare both ways.
   */
  readonly observeRows?: (rows: RowSink) => RowSink | undefined;
  /** The machine whose sockets are asked for, unless `--replay` puts a recording in its place. */
  readonly host: Host;
}
