/** Connections that the peer has closed and our process has not. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSE_WAIT } from "../../model/state.ts";
import { wholeSeconds } from "../amounts.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** The least time in CLOSE-WAIT, in milliseconds: since the last segment arrived, which the FIN may have been. */
function waitedMs({ tcpInfo, mptcpInfo }: InetSocket): number {
  return tcpInfo?.lastAckRecv ?? mptcpInfo?.lastAckRecv ?? 0;
}

/** Finds processes that keep connections in CLOSE-WAIT: a descriptor leak. */
export const closeWait = rule({
  id: "close-wait",
  title: "A process does not close connections that its peers have closed",
  severity: "critical",
  reads: ["TCP sockets in CLOSE-WAIT", "their tcp_info", "their processes"],
  thresholds: {
    age: {
      value: 60_000,
      quantity: "time",
      doc: "in CLOSE-WAIT: a program that still answers is done in seconds",
    },
    count: {
      value: 5,
      quantity: "count",
      doc: "such connections of one process for a warning: fewer may be slow work",
    },
    leak: {
      value: 100,
      quantity: "count",
      doc: "such connections of one process to be critical: it will run out of descriptors (1024 by default)",
    },
  },
  why:
    "The peer has closed its end, and the kernel waits for the program to call close(): no timer ends this. " +
    "Each such connection keeps a descriptor and memory, until accept() or connect() fail with EMFILE.",
  advice: [
    { text: "Check whether their number grows", command: "ss -tnp state close-wait" },
    { text: "Check what the process waits for", command: "strace -f -p PID", scope: "host" },
    { text: "A restart frees them; the fix is to close a connection once read() returns 0" },
  ],
  sockets: {
    tables: ["tcp", "mptcp"],
    states: 1 << SS_CLOSE_WAIT,
    demands: ["info"],
    collect: ({ age }) => suspects<InetSocket>((socket) => socket.inode !== 0 && waitedMs(socket) >= age),
    inodes: inodesOf,
  },
  check(samples) {
    const { count, leak, age } = samples.thresholds;
    return byProcess(samples.first.gathered, samples)
      .filter(({ sockets }) => sockets.length >= count)
      .map(({ pid, who, sockets }) => ({
        severity: sockets.length >= leak ? "critical" : "warning",
        subject: pid === undefined ? "" : `pid ${pid}`,
        title: `${who} has not closed ${plural(sockets.length, "connection")} that the peer closed more than ${wholeSeconds(age)} ago`,
        sockets: sockets.toSorted((a, b) => waitedMs(b) - waitedMs(a)),
        values: { connections: sockets.length, longestMs: Math.max(...sockets.map(waitedMs)) },
        fill: pidFill(pid),
      }));
  },
});
