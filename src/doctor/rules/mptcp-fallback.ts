/** MPTCP connections that have fallen back to plain TCP. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_ESTABLISHED } from "../../model/state.ts";
import { plural } from "../plural.ts";
import { type Collector, rule } from "../rule.ts";
import { keep } from "../suspects.ts";

/** The number of connections, and those that fell back. */
interface Fallbacks {
  connections: number;
  readonly sockets: InetSocket[];
}

function fallbacks(): Collector<Fallbacks> {
  const gathered: Fallbacks = { connections: 0, sockets: [] };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      gathered.connections++;
      if (socket.mptcpInfo?.fallback === 1) gathered.sockets.push(keep(socket));
    },
  };
}

/** The counters of reasons. */
const REASONS = /^MPTcpExt\.\w*[Ff]allback\w*$/i;

/** Finds MPTCP connections that have fallen back to plain TCP. */
export const mptcpFallback = rule({
  id: "mptcp-fallback",
  title: "MPTCP connections have fallen back to TCP",
  severity: "warning",
  reads: ["MPTCP connections: mptcp_info", "the fallback counters of MPTcpExt in /proc/net/netstat"],
  thresholds: {
    count: {
      value: 10,
      quantity: "count",
      doc: "such connections for a warning: single peers without MPTCP are ordinary",
    },
    share: {
      value: 50,
      quantity: "percent",
      doc: "of all MPTCP connections for a warning: then more than a single peer is affected",
    },
  },
  why:
    "A connection that has fallen back has one path: it neither survives the loss of a link nor uses a second one. " +
    "The peer does not support MPTCP, or a middlebox strips its options.",
  advice: [
    { text: "List the connections with their peers", command: "ss -Mni" },
    { text: "Read the reasons that the kernel counts", command: "nstat -az 'MPTcpExt*Fallback*'" },
    { text: "Check whether the SYN-ACK has the MPTCP option", command: "tcpdump -nvi any 'tcp[13] = 18'" },
  ],
  sockets: {
    tables: ["mptcp"],
    states: 1 << SS_ESTABLISHED,
    demands: ["info"],
    collect: fallbacks,
  },
  check({ first, thresholds: { count, share } }) {
    const { connections, sockets } = first.gathered;
    if (sockets.length === 0) return [];
    const isMuch = sockets.length >= count && sockets.length * 100 >= connections * share;
    const evidence = [...first.counters]
      .filter(([name, value]) => REASONS.test(name) && value > 0)
      .map(([name, value]) => `${name} is ${value} since the namespace was made`);
    return [
      {
        severity: isMuch ? "warning" : "info",
        subject: "",
        title: `${sockets.length} of ${plural(connections, "MPTCP connection")} fell back to TCP`,
        sockets,
        evidence,
        values: { fallbacks: sockets.length, connections },
      },
    ];
  },
});
