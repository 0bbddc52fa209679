/** Round trips far above the shortest: full queues on the path. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { microsecondsText, rateText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { byPeer } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

const US_PER_MS = 1000;
/** Segments in flight at least, so that a delayed acknowledgement (RFC 5681 4.2) is not taken for a queue. */
const IN_FLIGHT = 2;
/** Age of the last acknowledgement at most, in milliseconds: an older round trip time says nothing about now. */
const RECENT_MS = 10_000;
/** tcpi_min_rtt before the first measurement. */
const UNMEASURED = 0xffff_ffff;

/** Microseconds that segments spend in queues on the path. */
function queueUs(socket: InetSocket): number {
  const { rtt = 0, minRtt } = infoOf(socket) ?? {};
  return minRtt === undefined || minRtt === UNMEASURED ? 0 : rtt - minRtt;
}

/** Compares the round trip time of sending connections with the shortest that they have measured. */
export const bufferbloat = rule({
  id: "bufferbloat",
  title: "Round trips take far longer than the shortest",
  severity: "warning",
  reads: ["TCP connections with data in flight: tcpi_rtt, tcpi_min_rtt"],
  thresholds: {
    queue: {
      value: 100,
      quantity: "time",
      doc: "above the shortest round trip: the INTERVAL in which CoDel (RFC 8289 4.3) drains a queue, and what people notice",
    },
    times: {
      value: 3,
      quantity: "count",
      doc: "times the shortest round trip: on a long path, less is ordinary variation",
    },
  },
  why:
    "The sender fills a queue in front of the slowest link of the path, and each packet waits behind the whole queue (bufferbloat). " +
    "Everything else on that link becomes slow, too: calls, DNS, keystrokes.",
  advice: [
    { text: "Compare round trips now with the shortest (rtt:, minrtt:)", command: "ss -tni dst ADDRESS" },
    { text: "Check whether the queue is in this host (backlog)", command: "tc -s qdisc" },
    {
      text: "Use a queueing discipline that keeps its queue short",
      command: "sysctl -w net.core.default_qdisc=fq_codel",
    },
    {
      text: "Or a congestion control that does not fill queues",
      command: "sysctl -w net.ipv4.tcp_congestion_control=bbr",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    statesAtRest: 0,
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
        subject: address,
        title: `Round trips to ${address} take ${microsecondsText(rtt)}, and the shortest took ${microsecondsText(minRtt)}: ${plural(sockets.length, "connection")}`,
        sockets: worst,
        evidence: deliveryRate ? [`The path delivers ${rateText(deliveryRate)} of the worst connection`] : [],
        values: { address, connections: sockets.length, rttUs: rtt, minRttUs: minRtt },
        fill: { ADDRESS: address },
      };
    });
  },
});
