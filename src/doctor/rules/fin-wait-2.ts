/** Connections that we have closed half, and the peer not at all. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_FIN_WAIT_2 } from "../../model/state.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";
import { counted, wholeSeconds } from "../words.ts";

/** How long it has been since the peer said anything: in FIN-WAIT-2 that is at most its age. */
function silentMs({ tcpInfo, mptcpInfo }: InetSocket): number {
  return tcpInfo?.lastAckRecv ?? mptcpInfo?.lastAckRecv ?? 0;
}

/** See {@link rule}. */
export const finWait2 = rule({
  id: "fin-wait-2",
  title: "A process waits for peers to close, and holds the connections open",
  severity: "warning",
  reads: ["TCP sockets in FIN-WAIT-2 that a process has open", "their tcp_info"],
  thresholds: {
    age: {
      value: 60_000,
      quantity: "time",
      doc: "since the peer acknowledged our FIN: what no process has open ends after tcp_fin_timeout, which is this",
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
    { text: "See whether they grow, and whose they are", command: "ss -tnpi state fin-wait-2" },
    {
      text: "See whether the peer is the one that leaks: there they are in CLOSE-WAIT",
      command: "ss -tnp state close-wait",
    },
    { text: "Call close() after a time limit in place of waiting for ever, or set SO_KEEPALIVE" },
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
      .map(({ who, sockets }) => ({
        severity: "warning",
        title: `${who} holds ${counted(sockets.length, "connection")} in FIN-WAIT-2, with peers silent for over ${wholeSeconds(age)}`,
        sockets: sockets.toSorted((a, b) => silentMs(b) - silentMs(a)),
        values: { connections: sockets.length, longestMs: Math.max(...sockets.map(silentMs)) },
      }));
  },
});
