/** Connections that we have half-closed and the peer has not closed. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_FIN_WAIT_2 } from "../../model/state.ts";
import { wholeSeconds } from "../amounts.ts";
import { byProcess } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** Milliseconds since the peer sent anything, which is at most the time in FIN-WAIT-2. */
function silentMs({ tcpInfo, mptcpInfo }: InetSocket): number {
  return tcpInfo?.lastAckRecv ?? mptcpInfo?.lastAckRecv ?? 0;
}

/** Finds processes that hold half-closed connections whose peers never close. */
export const finWait2 = rule({
  id: "fin-wait-2",
  title: "A process waits for peers to close, and holds the connections open",
  severity: "warning",
  reads: ["TCP sockets in FIN-WAIT-2 that a process has open", "their tcp_info"],
  thresholds: {
    age: {
      value: 60_000,
      quantity: "time",
      doc: "since the peer acknowledged our FIN: tcp_fin_timeout, after which the kernel ends those without a process",
    },
    count: {
      value: 20,
      quantity: "count",
      doc: "such connections of one process: fewer may be long answers",
    },
  },
  why:
    "The program has called shutdown() and waits for the peer to close as well; while it keeps the descriptor, no timer ends this. " +
    "A peer that is gone, or does not close either, makes them pile up.",
  advice: [
    {
      text: "Check whether their number grows, and which peers they belong to",
      command: "ss -tnpi state fin-wait-2",
    },
    {
      text: "On the peer, check whether it leaks connections: there they are in CLOSE-WAIT",
      command: "ss -tnp state close-wait",
      scope: "host",
    },
    { text: "Make the program call close() after a time limit, or set SO_KEEPALIVE" },
  ],
  sockets: {
    tables: ["tcp"],
    states: 1 << SS_FIN_WAIT_2,
    demands: ["info"],
    collect: ({ age }) => suspects<InetSocket>((socket) => socket.inode !== 0 && silentMs(socket) >= age),
    inodes: inodesOf,
  },
  check(samples) {
    const { count, age } = samples.thresholds;
    return byProcess(samples.first.gathered, samples)
      .filter(({ sockets }) => sockets.length >= count)
      .map(({ pid, who, sockets }) => ({
        severity: "warning",
        subject: pid === undefined ? "" : `pid ${pid}`,
        title: `${who} holds ${plural(sockets.length, "connection")} in FIN-WAIT-2, and their peers have sent nothing for more than ${wholeSeconds(age)}`,
        sockets: sockets.toSorted((a, b) => silentMs(b) - silentMs(a)),
        values: { connections: sockets.length, longestMs: Math.max(...sockets.map(silentMs)) },
      }));
  },
});
