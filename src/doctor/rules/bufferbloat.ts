/** Round trips far above the shortest: queues on the way that are always full. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { microsecondsText, rateText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { byPeer } from "../peers.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";
import { counted } from "../words.ts";

const US_PER_MS = 1000;
/** Segments that must be in flight, so that no delayed acknowledgement (RFC 5681 4.2) makes a round trip long. */
const IN_FLIGHT = 2;
/** How long ago the last acknowledgement may be, in milliseconds: what is older tells nothing about now. */
const RECENT_MS = 10_000;

/** Microseconds that segments spend in queues on the way. */
function queueUs(socket: InetSocket): number {
  const { rtt = 0, minRtt } = infoOf(socket) ?? {};
  return minRtt === undefined || minRtt === 0xffff_ffff ? 0 : rtt - minRtt;
}

/** See {@link rule}. */
export const bufferbloat = rule({
  id: "bufferbloat",
  title: "Round trips take far longer than the shortest",
  severity: "warning",
  reads: ["TCP connections with data in flight: tcpi_rtt, tcpi_min_rtt"],
  thresholds: {
    queue: {
      value: 100,
      quantity: "time",
      doc: "above the shortest round trip: the INTERVAL within which CoDel (RFC 8289 4.3) brings a queue down, and what people notice",
    },
    times: {
      value: 3,
      quantity: "count",
      doc: "times the shortest round trip: on a long path, less is ordinary variation",
    },
  },
  why:
    "The sender fills a queue before the slowest link of the path, and each packet waits behind the whole of it (bufferbloat). " +
    "Everything else over that link gets slow, too: calls, DNS, keystrokes.",
  advice: [
    { text: "See round trips now and the shortest (rtt:, minrtt:)", command: "ss -tni dst ADDRESS" },
    { text: "See whether the queue is in this host (backlog)", command: "tc -s qdisc" },
    { text: "Use a queue that keeps itself short", command: "sysctl -w net.core.default_qdisc=fq_codel" },
    {
      text: "Or a congestion control that does not fill it",
      command: "sysctl -w net.ipv4.tcp_congestion_control=bbr",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    demands: ["info"],
    collect: ({ queue, times }) =>
      suspects<InetSocket>((socket) => {
        if (socket.wqueue === 0) return false;
        const { rtt = 0, minRtt = 0, unacked = 0, lastAckRecv = RECENT_MS } = infoOf(socket) ?? {};
        return (
          unacked >= IN_FLIGHT &&
          lastAckRecv < RECENT_MS &&
          queueUs(socket) >= queue * US_PER_MS &&
          rtt >= minRtt * times
        );
      }),
  },
  check({ first }) {
    return byPeer(first.gathered).map(({ address, sockets }) => {
      const worst = sockets.toSorted((a, b) => queueUs(b) - queueUs(a));
      const { rtt = 0, minRtt = 0, deliveryRate } = infoOf(worst[0]!) ?? {};
      return {
        severity: "warning",
        title: `Round trips to ${address} take ${microsecondsText(rtt)}, the shortest took ${microsecondsText(minRtt)}: ${counted(sockets.length, "connection")}`,
        sockets: worst,
        evidence: deliveryRate ? [`The path carries ${rateText(deliveryRate)} of the first of them`] : [],
        values: { address, connections: sockets.length, rttUs: rtt, minRttUs: minRtt },
        fill: { ADDRESS: address },
      };
    });
  },
});
