/** Connections that send a lot without window scaling. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED, stateMask } from "../../model/state.ts";
import { microsecondsText, rateText } from "../amounts.ts";
import { infoOf } from "../connection.ts";
import { byPeer } from "../peers.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { suspects } from "../suspects.ts";

/** The largest window without scaling, in bytes: its field has 16 bits. RFC 9293 3.1. */
const LARGEST_WINDOW = 65_535;
const US_PER_MS = 1000;
const US_PER_S = 1_000_000;

/** The round trip time in microseconds. */
function rttUs(socket: InetSocket): number {
  return infoOf(socket)?.rtt ?? 0;
}

/** Finds bulk connections whose handshake did not negotiate window scaling. */
export const windowScaling = rule({
  id: "window-scaling",
  title: "A connection has no window scaling, and is slow for it",
  severity: "warning",
  reads: [
    "TCP connections: tcpi_options, tcpi_rtt, tcpi_bytes_sent, tcpi_bytes_received",
    "net.ipv4.tcp_window_scaling",
  ],
  thresholds: {
    bytes: {
      value: 2 ** 20,
      quantity: "size",
      doc: "bytes sent or received: a shorter exchange does not need a large window",
    },
    rtt: {
      value: 5,
      quantity: "time",
      doc: "round trip time: below it, 64 KiB a round trip is more than 100 Mbit/s",
    },
  },
  why:
    "Without window scaling (RFC 7323) at most 64 KiB are in flight in each direction, so the connection carries no more than 64 KiB a round trip. " +
    "One end has it turned off, or a firewall strips the option from the SYN.",
  advice: [
    { text: "Check that it is on here", command: "sysctl net.ipv4.tcp_window_scaling" },
    { text: "Turn it on", command: "sysctl -w net.ipv4.tcp_window_scaling=1" },
    {
      text: "Check whether SYN and SYN-ACK have the option (wscale)",
      command: "tcpdump -nvi any host ADDRESS and 'tcp[tcpflags] & tcp-syn != 0'",
    },
    {
      text: "On the peer, check that it is on",
      command: "sysctl net.ipv4.tcp_window_scaling",
      scope: "host",
    },
  ],
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_ESTABLISHED) | stateMask("close-wait")!,
    demands: ["info"],
    collect: ({ bytes, rtt }) =>
      suspects<InetSocket>((socket) => {
        const info = infoOf(socket);
        return (
          info?.wscale === 0 &&
          rttUs(socket) >= rtt * US_PER_MS &&
          Math.max(info.bytesSent ?? info.bytesAcked ?? 0, info.bytesReceived ?? 0) >= bytes
        );
      }),
  },
  check(samples) {
    const isOff = samples.numbers("sys/net/ipv4/tcp_window_scaling")[0] === 0;
    return byPeer(samples.first.gathered).map(({ address, sockets }) => {
      const worst = sockets.toSorted((a, b) => rttUs(b) - rttUs(a));
      const rtt = rttUs(worst[0]!);
      const most = Math.round((LARGEST_WINDOW * US_PER_S) / rtt);
      return {
        severity: "warning",
        subject: address,
        title: `${plural(sockets.length, "connection")} with ${address} ${sockets.length === 1 ? "has" : "have"} no window scaling: at a round trip of ${microsecondsText(rtt)} none carries more than ${rateText(most)}`,
        sockets: worst,
        evidence: isOff ? ["Window scaling is off here: net.ipv4.tcp_window_scaling is 0"] : [],
        values: { address, connections: sockets.length, rttUs: rtt, limitBytesPerSecond: most },
        fill: { ADDRESS: address },
      };
    });
  },
});
