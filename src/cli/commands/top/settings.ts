/** The settings that the options of `top` change. */

/** The settings of a run of `top`. */
export interface TopSettings {
  /** Milliseconds between two samples. */
  readonly delayMs: number;
  /** Frames to show; undefined for no end. */
  readonly count: number | undefined;
  readonly form: "screen" | "batch" | "json";
  /** The column that rows are sorted by. */
  readonly sort: { readonly column: string; readonly descending: boolean };
  /** What sockets are grouped by. */
  readonly by: GroupWord | undefined;
}

/** Columns of sockets, so that the table of columns is not loaded for help; a test keeps the two equal. */
export const sortWords = [
  "netid",
  "state",
  "recvq",
  "sendq",
  "local",
  "peer",
  "rx",
  "tx",
  "rate",
  "retrans",
  "drops",
  "rtt",
  "delivery",
  "process",
  "container",
  "netns",
] as const;

/** Columns that only groups have. */
export const groupSortWords = ["group", "sockets"] as const;

/** Words of `--by`. */
export const byWords = [
  "process",
  "program",
  "user",
  "unit",
  "container",
  "peer",
  "port",
  "dport",
  "state",
  "netns",
] as const;

/** A way to group sockets. */
export type GroupWord = (typeof byWords)[number];
