/** What the options of `top` set. */

/** What the options of `top` have come to. */
export interface TopSettings {
  /** Between two samples, in milliseconds. */
  readonly delayMs: number;
  /** How many frames are shown; undefined: until interrupted. */
  readonly count: number | undefined;
  readonly form: "screen" | "batch" | "json";
  /** The column that rows are sorted by. */
  readonly sort: { readonly column: string; readonly descending: boolean };
  /** What sockets are grouped by. */
  readonly by: GroupWord | undefined;
}

/** Columns of sockets; a test holds them to those that there are. */
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

/** Columns of groups only; likewise. */
export const groupSortWords = ["group", "sockets"] as const;

/** What sockets can be grouped by; likewise. */
export const byWords = ["process", "peer", "port", "state", "container"] as const;

/** A way to group sockets. */
export type GroupWord = (typeof byWords)[number];
