/** Connections that the peer has closed, and our process has not. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSE_WAIT } from "../../model/state.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";
import { counted, wholeSeconds } from "../words.ts";

/** How long a connection has been in CLOSE-WAIT at least: since the last segment came, and the FIN was one. */
function waitedMs({ tcpInfo, mptcpInfo }: InetSocket): number {
  return tcpInfo?.lastAckRecv ?? mptcpInfo?.lastAckRecv ?? 0;
}

/** See {@link rule}. */
export const closeWait = rule({
  id: "close-wait",
  title: "A process does not close connections that its peers have closed",
  severity: "critical",
  reads: ["TCP sockets in CLOSE-WAIT", "their tcp_info", "their processes"],
  thresholds: {
    age: {
      value: 60_000,
      quantity: "time",
      doc: "in CLOSE-WAIT for this long: a program that still answers is done in seconds",
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
    "The peer has said that it is done, and the kernel waits for the program to call close(): no timer ever ends this. " +
    "Each such connection keeps a descriptor and memory, until accept() or connect() fail with EMFILE.",
  advice: [
    { text: "See whether they grow", command: "ss -tnp state close-wait" },
    { text: "See what the process waits for", command: "cat /proc/PID/stack; strace -f -p PID" },
    { text: "A restart frees them, and a fix closes a connection once read() gives 0" },
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
        title: `${who} has not closed ${counted(sockets.length, "connection")} that the peer has closed over ${wholeSeconds(age)} ago`,
        sockets: sockets.toSorted((a, b) => waitedMs(b) - waitedMs(a)),
        values: { connections: sockets.length, longestMs: Math.max(...sockets.map(waitedMs)) },
        ...(pid === undefined ? {} : { fill: { PID: pid } }),
      }));
  },
});
