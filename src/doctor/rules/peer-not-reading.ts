/** Peers that do not read, so that their window stays closed. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText, durationText } from "../amounts.ts";
import { isPeerWindowClosed } from "../conditions.ts";
import { connectionOf, infoOf } from "../connection.ts";
import { connectionFill } from "../endpoint.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

/** Milliseconds since the window last had room for data. */
function stuckMs(socket: InetSocket): number {
  return infoOf(socket)?.lastDataSent ?? 0;
}

/** Finds connections whose peer has kept its receive window closed for seconds. */
export const peerNotReading = rule({
  id: "peer-not-reading",
  title: "A peer does not read: its window is closed",
  severity: "warning",
  reads: ["TCP connections: Send-Q, persist timer, tcpi_snd_wnd, tcpi_last_data_sent"],
  thresholds: {
    age: {
      value: 10_000,
      quantity: "time",
      doc: "since data was last sent: a peer that is merely slow opens its window again and again",
    },
  },
  why:
    "The program at the other end does not read, its kernel has no room left, and ours holds the data back and probes. " +
    "As long as the peer acknowledges the probes this never ends, and the data takes memory here.",
  advice: [
    { text: "List the connections with their probes", command: "ss -tnopim dst ADDRESS" },
    {
      text: "On the peer, find the program that does not read (Recv-Q)",
      command: "ss -tnp sport = :PORT",
      scope: "host",
    },
    {
      text: "Close the connection with the most waiting data; let the program give up by itself (TCP_USER_TIMEOUT)",
      command: "sockscope -tK src LOCAL sport = :LOCALPORT dst ADDRESS dport = :PORT",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    statesAtRest: 0,
    demands: ["info"],
    collect: ({ age }) =>
      suspects<InetSocket>(
        (socket) => socket.wqueue > 0 && stuckMs(socket) >= age && isPeerWindowClosed(connectionOf(socket)),
      ),
  },
  check({ first }) {
    return byPeer(first.gathered).map(({ address, sockets }) => {
      const bytes = bytesWaiting(sockets);
      const longest = Math.max(...sockets.map(stuckMs));
      const worst = sockets.toSorted((a, b) => b.wqueue - a.wqueue);
      return {
        severity: "warning",
        subject: address,
        title: `${address} has not read from ${plural(sockets.length, "connection")} for up to ${durationText(longest)}: its window is closed, and ${bytesText(bytes)} ${bytes === 1 ? "waits" : "wait"} here`,
        sockets: worst,
        values: { address, connections: sockets.length, bytes, longestMs: longest },
        fill: connectionFill(worst[0]!),
      };
    });
  },
});
