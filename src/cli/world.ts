/** The process as a parameter. Only the entry point reads argv, the environment and the terminal. */
import type { ReadStream, WriteStream } from "node:tty";
import type { Host } from "../host/host.ts";
import type { RowSink } from "../query/query.ts";

/** An output stream. */
export interface Output {
  /** Writes all of the bytes. @throws an error whose `code` is a system error name (`EPIPE`, `ENOSPC`, …) */
  write(bytes: Uint8Array): void;
  /** From now on a failed write discards its bytes: the run has more to do than to write. */
  readonly ignoreFailures?: () => void;
  /** On a terminal's standard error, erases the line that the cursor is in. */
  readonly eraseLine?: () => void;
  /** Width of the terminal; 0 if unknown; undefined if the stream is not a terminal. */
  readonly terminalColumns: number | undefined;
  /** Whether a page of bytes can be written without blocking (`free`, `full`), or the reader is gone (`broken`). Default: `free`. */
  readonly room?: () => "free" | "full" | "broken";
}

/** A terminal to draw on. */
export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
}

/** Everything that a run reads from and writes to its process. */
export interface World {
  /** The program's name in messages: `ss` or `sockscope`. */
  readonly program: string;
  /** Arguments after the program's name; bytes that are not UTF-8 as `decodeBytes` gives them. */
  readonly args: readonly string[];
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Reads standard input to its end. */
  readStdin(): Uint8Array;
  /** The controlling terminal; undefined unless standard input and output are both terminals. */
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
  /** The machine whose sockets are listed, unless `--replay` names a recording. */
  readonly host: Host;
}
