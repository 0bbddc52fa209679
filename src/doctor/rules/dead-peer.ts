/** Peers that have gone away without closing their connections. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSING, SS_ESTABLISHED, SS_FIN_WAIT_1, SS_LAST_ACK, stateMask } from "../../model/state.ts";
import { bytesText, durationText } from "../amounts.ts";
import { infoOf, TIMER_KEEPALIVE, TIMER_PERSIST, TIMER_RETRANSMIT } from "../connection.ts";
import { connectionFill, pingPayload } from "../endpoint.ts";
import { mayBePathMtu } from "../path-mtu.ts";
import { byPeer, bytesWaiting } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

/** The timers that repeat a segment until it is acknowledged. */
const repeating: ReadonlySet<number> = new Set([TIMER_RETRANSMIT, TIMER_KEEPALIVE, TIMER_PERSIST]);
/** The states in which our FIN is not acknowledged: most of these connections have no process any more. */
const CLOSING = (1 << SS_FIN_WAIT_1) | (1 << SS_LAST_ACK) | (1 << SS_CLOSING);

/** Finds connections whose retransmissions, keepalive probes or window probes stay unanswered. */
export const deadPeer = rule({
  id: "dead-peer",
  title: "A peer does not answer any more",
  severity: "warning",
  reads: ["TCP connections: retransmission, keepalive and persist timers, tcpi_last_ack_recv"],
  thresholds: {
    retransmits: {
      value: 3,
      quantity: "count",
      doc: "unanswered retransmissions in a row: R1 of RFC 9293 3.8.3, from which on the route is in doubt",
    },
  },
  why:
    "The peer has crashed, or a device on the path drops its packets or has forgotten the connection (NAT, a firewall). " +
    "The program here does not notice before the kernel gives up, which takes about 15 minutes (net.ipv4.tcp_retries2).",
  advice: [
    { text: "Check whether the host is up", command: "ping -c 3 ADDRESS" },
    {
      text: "Check whether packets of full size pass; if only small ones do, a path MTU problem is the cause",
      command: "ping -c 3 -M do -s PAYLOAD ADDRESS",
    },
    { text: "Check the route", command: "ip route get ADDRESS" },
    { text: "Check whether anything comes back", command: "tcpdump -ni any host ADDRESS and tcp" },
    {
      text: "Close the worst of these connections now, so that the program notices",
      command: "sockscope -tK src LOCAL sport = :LOCALPORT dst ADDRESS dport = :PORT",
    },
    { text: "Make the program give up sooner: set TCP_USER_TIMEOUT (RFC 5482)" },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")! | CLOSING,
    statesAtRest: 0,
    demands: ["info"],
    collect: ({ retransmits }) =>
      suspects<InetSocket>(
        (socket) =>
          socket.retransmits >= retransmits &&
          repeating.has(socket.timerNumber) &&
          !mayBePathMtu(socket, retransmits),
      ),
  },
  check({ first }) {
    return byPeer(first.gathered).map(({ address, sockets }) => {
      const worst = sockets.toSorted((a, b) => b.retransmits - a.retransmits);
      const [{ retransmits }] = worst as [InetSocket];
      const bytes = bytesWaiting(sockets);
      const closing = sockets.filter(({ stateNumber }) => ((1 << stateNumber) & CLOSING) !== 0).length;
      const silence = Math.max(...sockets.map((socket) => infoOf(socket)?.lastAckRecv ?? 0));
      const heard = silence > 0 ? `, and its last packet came ${durationText(silence)} ago` : "";
      return {
        severity: "warning",
        subject: address,
        title: `${address} does not answer on ${plural(sockets.length, "connection")}, after up to ${plural(retransmits, "retransmission")}: ${bytesText(bytes)} ${bytes === 1 ? "waits" : "wait"}${heard}`,
        sockets: worst,
        evidence:
          closing === 0
            ? []
            : [
                `${plural(closing, "connection is closed here and waits", "connections are closed here and wait")} for the last acknowledgement`,
              ],
        values: { address, connections: sockets.length, retransmits, bytes, silenceMs: silence },
        fill: {
          ...connectionFill(worst[0]!),
          PAYLOAD: pingPayload(address, infoOf(worst[0]!)?.pmtu),
        },
      };
    });
  },
});
