/** Peers that have gone away without a word. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { bytesText, durationText } from "../amounts.ts";
import { infoOf, TIMER_KEEPALIVE, TIMER_PERSIST, TIMER_RETRANSMIT } from "../connection.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";
import { counted } from "../words.ts";

/** The timers that repeat something until it is answered. */
const repeating: ReadonlySet<number> = new Set([TIMER_RETRANSMIT, TIMER_KEEPALIVE, TIMER_PERSIST]);

/** See {@link rule}. */
export const deadPeer = rule({
  id: "dead-peer",
  title: "A peer does not answer any more",
  severity: "warning",
  reads: ["TCP connections: retransmission, keepalive and persist timers, tcpi_last_ack_recv"],
  thresholds: {
    retransmits: {
      value: 3,
      quantity: "count",
      doc: "unanswered repetitions in a row: R1 of RFC 9293 3.8.3, from which on the way there is in doubt",
    },
  },
  why:
    "The peer has crashed, or something on the way drops its packets or has forgotten the connection (NAT, a firewall). " +
    "The program here does not notice before the kernel gives up, which takes about 15 minutes (net.ipv4.tcp_retries2).",
  advice: [
    { text: "See whether the host is there at all", command: "ping -c 3 ADDRESS" },
    { text: "See which way the packets go", command: "ip route get ADDRESS" },
    { text: "See whether anything comes back", command: "tcpdump -ni any host ADDRESS and tcp" },
    {
      text: "Close the connections now, so that the program notices",
      command: "sockscope -K dst ADDRESS dport = :PORT",
    },
    { text: "Give up sooner next time: TCP_USER_TIMEOUT (RFC 5482) in the program" },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    demands: ["info"],
    collect: ({ retransmits }) =>
      suspects<InetSocket>(
        (socket) => socket.retransmits >= retransmits && repeating.has(socket.timerNumber),
      ),
  },
  check({ first }) {
    return byPeer(first.gathered).map(({ address, sockets }) => {
      const worst = sockets.toSorted((a, b) => b.retransmits - a.retransmits);
      const [{ retransmits, dport }] = worst as [InetSocket];
      const bytes = bytesWaiting(sockets);
      const silence = Math.max(...sockets.map((socket) => infoOf(socket)?.lastAckRecv ?? 0));
      const heard = silence > 0 ? `, last heard of ${durationText(silence)} ago` : "";
      return {
        severity: "warning",
        title: `${address} leaves ${counted(sockets.length, "connection")} unanswered, the worst ${retransmits} times in a row: ${bytesText(bytes)} wait${bytes === 1 ? "s" : ""}${heard}`,
        sockets: worst,
        values: { address, connections: sockets.length, retransmits, bytes, silenceMs: silence },
        fill: { ADDRESS: address, PORT: dport },
      };
    });
  },
});
