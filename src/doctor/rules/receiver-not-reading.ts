/** Programs of this host that do not read what has arrived. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText, durationText } from "../amounts.ts";
import { isOwnWindowClosed } from "../conditions.ts";
import { connectionOf, infoOf } from "../connection.ts";
import { byProcess } from "../owner.ts";
import { rule } from "../rule.ts";
import { inodesOf, suspects } from "../suspects.ts";
import { counted } from "../words.ts";

/** Milliseconds that the last data has been there. */
function unreadMs(socket: InetSocket): number {
  return infoOf(socket)?.lastDataRecv ?? 0;
}

/** See {@link rule}. */
export const receiverNotReading = rule({
  id: "receiver-not-reading",
  title: "A program does not read what has arrived",
  severity: "warning",
  reads: ["TCP connections: Recv-Q, tcpi_last_data_recv, tcpi_rcv_wnd"],
  thresholds: {
    age: {
      value: 10_000,
      quantity: "time",
      doc: "since the last data came: a program that works reads within milliseconds, a loaded one within seconds",
    },
  },
  why:
    "The program is stuck, waits for something else, or has forgotten the connection. " +
    "When the receive buffer is full, the window closes, and the peer cannot send any more.",
  advice: [
    {
      text: "See what the process waits for",
      command: "strace -f -p PID -e trace=network,poll,select,futex",
    },
    { text: "See where its threads are in the kernel", command: "grep -H . /proc/PID/task/*/wchan" },
    { text: "See whether Recv-Q goes down", command: "watch -n1 ss -tnpi sport = :PORT" },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("fin-wait-1")! | stateMask("fin-wait-2")!,
    demands: ["info"],
    // One that no file is left of was not accepted yet, which is another matter.
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
        title: `${who} has not read ${bytesText(bytes)} of ${counted(sockets.length, "connection")}, the oldest for ${durationText(longest)}`,
        sockets: sockets.toSorted((a, b) => b.rqueue - a.rqueue),
        evidence:
          closed === 0
            ? []
            : [
                `${counted(closed, "connection")} ${closed === 1 ? "has" : "have"} closed the window: the peer cannot send any more`,
              ],
        values: { connections: sockets.length, bytes, longestMs: longest, windowsClosed: closed },
        fill: { PORT: sockets[0]!.sport, ...(pid === undefined ? {} : { PID: pid }) },
      };
    });
  },
});
