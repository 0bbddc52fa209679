/** Services that listen on loopback only, while other hosts are refused. */

import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { seconds } from "../amounts.ts";
import { isLoopback } from "../endpoint.ts";
import { plural } from "../plural.ts";
import { type Collector, rule } from "../rule.ts";
import { growth, type Samples } from "../sample.ts";
import { keep } from "../suspects.ts";

/** What is kept of the listeners. */
interface Listeners {
  readonly loopback: InetSocket[];
  /** Ports on which something listens on another address. */
  readonly elsewhere: Set<number>;
}

function listeners(): Collector<Listeners> {
  const gathered: Listeners = { loopback: [], elsewhere: new Set() };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      const { data, sourceOffset, familyNumber, sport } = socket;
      if (isLoopback(data, sourceOffset, familyNumber)) gathered.loopback.push(keep(socket));
      else gathered.elsewhere.add(sport);
    },
  };
}

const RESETS = "Tcp.OutRsts";

/** Resets with other causes: connections that this host aborts, and its own attempts that it refuses itself. */
const otherwise = [
  "Tcp.AttemptFails",
  "TcpExt.TCPAbortOnData",
  "TcpExt.TCPAbortOnClose",
  "TcpExt.TCPAbortOnMemory",
  "TcpExt.TCPAbortOnTimeout",
  "TcpExt.TCPAbortOnLinger",
  "TcpExt.EmbryonicRsts",
] as const;

/** Resets that no other counter explains: answers to segments for which there is no socket. */
function refused(samples: Samples<Listeners>): number {
  const resets = growth(samples, RESETS) ?? 0;
  return otherwise.reduce((left, name) => left - (growth(samples, name) ?? 0), resets);
}

/** Relates resets sent by this host to services that listen on loopback only. */
export const loopbackOnly = rule({
  id: "loopback-only",
  title: "Other hosts are refused while services listen on loopback only",
  severity: "info",
  reads: [
    "TCP sockets in LISTEN on 127.0.0.0/8 or ::1",
    `${RESETS} and Tcp.AttemptFails of /proc/net/snmp, the TCPAbort counters of /proc/net/netstat`,
  ],
  thresholds: {
    refused: {
      value: 3,
      quantity: "count",
      doc: "unexplained resets between the samples: one or two are late packets of closed connections",
    },
  },
  why:
    'A service on 127.0.0.1 or ::1 serves this host only: other hosts get a reset, "connection refused". ' +
    "The kernel counts resets without their ports, so these may be attempts at ports on which nothing listens at all.",
  advice: [
    { text: "Watch which ports are refused", command: "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0'" },
    { text: "List what listens on loopback only", command: "ss -tlnp src 127.0.0.0/8 or src '[::1]'" },
    { text: "Let the service listen on an address that other hosts can reach: an option of the service" },
  ],
  rate: true,
  sockets: {
    tables: ["tcp", "mptcp"],
    states: 1 << SS_LISTEN,
    collect: listeners,
  },
  check(samples) {
    const count = refused(samples);
    const { loopback, elsewhere } = samples.first.gathered;
    const sockets = loopback.filter(({ sport }) => !elsewhere.has(sport));
    if (count < samples.thresholds.refused || sockets.length === 0) return [];
    const services = plural(sockets.length, "service listens", "services listen");
    return [
      {
        severity: "info",
        subject: "",
        title: `${plural(count, "connection attempt")} of other hosts may have been refused in ${seconds(samples.elapsedMs)}, and ${services} on loopback only`,
        sockets,
        evidence: [
          `${plural(growth(samples, RESETS)!, "reset")} sent (${RESETS}), ${count} of them without another cause`,
        ],
        values: { refused: count, listeners: sockets.length },
      },
    ];
  },
});
