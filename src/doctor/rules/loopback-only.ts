/** Services that others try to reach, and that listen for this host only. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_LISTEN } from "../../model/state.ts";
import { isLoopback } from "../endpoint.ts";
import { type Collector, rule } from "../rule.ts";
import { growth, type Samples } from "../sample.ts";
import { keep } from "../suspects.ts";
import { counted, seconds } from "../words.ts";

/** What is kept of the listeners. */
interface Listeners {
  readonly loopback: InetSocket[];
  /** Ports that other addresses listen on as well. */
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

/** Resets of other reasons: connections that this host aborts, and attempts of its own that it refuses itself. */
const otherwise = [
  "Tcp.AttemptFails",
  "TcpExt.TCPAbortOnData",
  "TcpExt.TCPAbortOnClose",
  "TcpExt.TCPAbortOnMemory",
  "TcpExt.TCPAbortOnTimeout",
  "TcpExt.TCPAbortOnLinger",
  "TcpExt.EmbryonicRsts",
] as const;

/** Segments that were answered by a reset as no socket is there for them, as far as counters tell. */
function refused(samples: Samples<Listeners>): number {
  const resets = growth(samples, RESETS) ?? 0;
  return otherwise.reduce((left, name) => left - (growth(samples, name) ?? 0), resets);
}

/** See {@link rule}. */
export const loopbackOnly = rule({
  id: "loopback-only",
  title: "Others are refused while services listen on loopback only",
  severity: "info",
  reads: [
    "TCP sockets in LISTEN on 127.0.0.0/8 or ::1",
    `${RESETS} and Tcp.AttemptFails of /proc/net/snmp, the TCPAbort counters of /proc/net/netstat`,
  ],
  thresholds: {
    refused: {
      value: 3,
      quantity: "count",
      doc: "resets between the samples that nothing else explains: one or two are late packets of closed connections",
    },
  },
  why:
    'A service that listens on 127.0.0.1 or ::1 is there for this host only: others get a reset, "connection refused". ' +
    "The kernel counts resets and not the ports that they are about, so this may be about ports that nobody listens on at all.",
  advice: [
    { text: "See which ports others are refused", command: "tcpdump -ni any 'tcp[tcpflags] & tcp-rst != 0'" },
    { text: "See what listens on loopback only", command: "ss -tlnp src 127.0.0.0/8 or src [::1]" },
    { text: "Let the service listen on an address that others reach: an option of the service" },
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
    const services = counted(sockets.length, "service listens", "services listen");
    return [
      {
        severity: "info",
        title: `${counted(count, "attempt")} of others to connect may have been refused in ${seconds(samples.elapsedMs)}, and ${services} on loopback only`,
        sockets,
        evidence: [
          `${counted(growth(samples, RESETS)!, "reset")} sent (${RESETS}), ${count} of them without another reason`,
        ],
        values: { refused: count, listeners: sockets.length },
      },
    ];
  },
});
