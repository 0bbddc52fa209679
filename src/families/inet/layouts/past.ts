/**
 * What the store of the past adds to a connection: an attribute of our own, which no kernel sends, in messages that are
 * made from stored connections.
 */
import type { Layout } from "../../../bytes/layout.ts";

/** The attribute's number, far beyond the kernel's. */
export const INET_DIAG_PAST = 62;

/** The attribute's payload; the reason follows it as text. */
export const inetPast = {
  openedMs: { offset: 0, type: "u64", unit: "ms", none: 0, doc: "when it was opened, since 1970" },
  closedMs: { offset: 8, type: "u64", unit: "ms", none: 0, doc: "when it ended, since 1970" },
} as const satisfies Layout;

/** The counters of struct tcp_info that are kept of a connection that ended; its message has zeros in place of the others. */
export const pastCounters = [
  "rtt",
  "totalRetrans",
  "bytesAcked",
  "bytesReceived",
  "segsOut",
  "segsIn",
  "minRtt",
] as const;

/** Bytes of the payload before the reason. */
export const INET_PAST_SIZE = 16;
