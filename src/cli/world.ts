/** The process as a parameter. Only the entry point reads argv, the environment and the terminal. */
import type { ReadStream, WriteStream } from "node:tty";
import type { Host } from "../host/host.ts";
import type { RowSink } from "../query/query.ts";

/** An output stream. */
export interface Output {
  /** Writes all of the bytes. @throws an error whose `code` is a system error name (`EPIPE`, `ENOSPC`, …) */
  write(bytes: Uint8Array): void;
  /** From now on, a failed write discards its bytes, so that the run can finish its other work. */
  readonly ignoreFailures?: () => void;
  /** Erases the cursor's line. Only for standard error on a terminal. */
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

/** What differs for a question of another host. */
export interface RemoteQuestion {
  /** Why an option is refused, by its first long name; undefined for one that is accepted. */
  refusal(long: string): string | undefined;
  /** The contents of the filter file, which the asker has read. */
  readonly filterFile?: Uint8Array;
}

/** Everything that a run reads from and writes to its process. */
export interface World {
  /** The program's name in messages: `ss` or `sockscope`. */
  readonly program: string;
  /** Arguments after the program's name. Bytes that are not UTF-8 are encoded by `decodeBytes`. */
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
   * A signal that is aborted on SIGINT, SIGTERM, SIGHUP and the like. From the first call on, these no longer end the
   * process. The reason is the exit status that a shell shows for the signal, a number.
   */
  interrupted(): AbortSignal;
  /**
   * A hook for tests. Receives the direct row writer and returns its replacement, or undefined to make views of all
   * sockets. Tests use it to count rows and to compare both ways.
   */
  readonly observeRows?: (rows: RowSink) => RowSink | undefined;
  /** The machine whose sockets are listed, unless `--replay` names a recording. */
  readonly host: Host;
  /** Starts the thread that answers requests about the past for `serve`; without it, they wait for each other. */
  readonly startPast?: () => Worker;
  /** Present if the query comes from another host. */
  readonly remote?: RemoteQuestion;
  /** Runs the program again, with other arguments and outputs: an agent does. @returns the exit status */
  readonly run?: (world: World) => Promise<number>;
}
