/** Peers that do not read, so that their window is closed. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText, durationText } from "../amounts.ts";
import { isPeerWindowClosed } from "../conditions.ts";
import { connectionOf, infoOf } from "../connection.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";
import { counted } from "../words.ts";

/** Milliseconds since the window had room. */
function stuckMs(socket: InetSocket): number {
  return infoOf(socket)?.lastDataSent ?? 0;
}

/** See {@link rule}. */
export const peerNotReading = rule({
  id: "peer-not-reading",
  title: "A peer does not read: its window is closed",
  severity: "warning",
  reads: ["TCP connections: Send-Q, persist timer, tcpi_snd_wnd, tcpi_last_data_sent"],
  thresholds: {
    age: {
      value: 10_000,
      quantity: "time",
      doc: "since data was sent last: a peer that is merely slow opens its window every now and then",
    },
  },
  why:
    "The program at the other end does not read, so that its kernel has no room, and ours holds the data back and probes. " +
    "As long as the peer acknowledges the probes this lasts for ever, and the data takes memory here.",
  advice: [
    { text: "See the connections and their probes", command: "ss -tnopim dst ADDRESS" },
    { text: "On the peer, see which program does not read (its Recv-Q)", command: "ss -tnp sport = :PORT" },
    {
      text: "Let the program here give up: TCP_USER_TIMEOUT, or a timeout of its own; or close one",
      command: "sockscope -K dst ADDRESS dport = :PORT",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
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
        title: `${address} has not read ${counted(sockets.length, "connection")} for up to ${durationText(longest)}: its window is closed, and ${bytesText(bytes)} wait here`,
        sockets: worst,
        values: { address, connections: sockets.length, bytes, longestMs: longest },
        fill: { ADDRESS: address, PORT: worst[0]!.dport },
      };
    });
  },
});
