/** Local programs that do not read what has arrived. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText, durationText } from "../amounts.ts";
import { isOwnWindowClosed } from "../conditions.ts";
import { connectionOf, infoOf } from "../connection.ts";
import { byProcess, pidFill } from "../owner.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";

/** Milliseconds since the last data arrived. */
function unreadMs(socket: InetSocket): number {
  return infoOf(socket)?.lastDataRecv ?? 0;
}

/** Finds local processes that leave received data unread for seconds. */
export const receiverNotReading = rule({
  id: "receiver-not-reading",
  title: "A program does not read what has arrived",
  severity: "warning",
  reads: ["TCP connections: Recv-Q, tcpi_last_data_recv, tcpi_rcv_wnd"],
  thresholds: {
    age: {
      value: 10_000,
      quantity: "time",
      doc: "since the last data arrived: a working program reads within milliseconds, a loaded one within seconds",
    },
  },
  why:
    "The program is stuck, waits for something else, or has forgotten the connection. " +
    "When the receive buffer is full, the window closes, and the peer can send no more.",
  advice: [
    {
      text: "Check what the process waits for",
      command: "strace -f -p PID -e trace=network,poll,select,futex",
      scope: "host",
    },
    {
      text: "Check where its threads wait in the kernel",
      command: "grep -H . /proc/PID/task/*/wchan",
      scope: "host",
    },
    { text: "Check whether Recv-Q goes down", command: "watch -n1 ss -tnpi sport = :PORT" },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("fin-wait-1")! | stateMask("fin-wait-2")!,
    statesAtRest: 0,
    demands: ["info"],
    // A connection without an inode is not accepted yet. The rule not-accepting checks those.
    collect: ({ age }) =>
      suspects<InetSocket>((socket) => socket.rqueue > 0 && socket.inode !== 0 && unreadMs(socket) >= age),
    inodes: inodesOf,
  },
  check(samples) {
    return byProcess(samples.first.gathered, samples).map(({ pid, who, sockets }) => {
      const bytes = sockets.reduce((sum, { rqueue }) => sum + rqueue, 0);
      const longest = Math.max(...sockets.map(unreadMs));
      const closed = sockets.filter((socket) => isOwnWindowClosed(connectionOf(socket))).length;
      return {
        severity: "warning",
        subject: pid === undefined ? "" : `pid ${pid}`,
        title: `${who} has not read ${bytesText(bytes)} from ${plural(sockets.length, "connection")}, the oldest for ${durationText(longest)}`,
        sockets: sockets.toSorted((a, b) => b.rqueue - a.rqueue),
        evidence:
          closed === 0
            ? []
            : [
                `${plural(closed, "connection")} ${closed === 1 ? "has" : "have"} closed the window: the peer can send no more`,
              ],
        values: { connections: sockets.length, bytes, longestMs: longest, windowsClosed: closed },
        fill: { PORT: sockets[0]!.sport, ...pidFill(pid) },
      };
    });
  },
});
