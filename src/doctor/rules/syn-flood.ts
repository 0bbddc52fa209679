/** Many handshakes that nobody ends. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_NEW_SYN_RECV, SS_SYN_RECV } from "../../model/state.ts";
import { ADDRESS_WORDS, writeAddress } from "../endpoint.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { keep } from "../suspects.ts";
import { Tally } from "../tally.ts";
import { counted, seconds } from "../words.ts";

/** Half-open connections of one port. */
interface HalfOpen {
  count: number;
  /** Peers, each once. */
  readonly peers: Tally;
  /** The first few. */
  readonly sockets: InetSocket[];
}

/** So many are kept of each port, to be shown. */
const KEPT = 20;

function halfOpen(): Collector<ReadonlyMap<number, HalfOpen>> {
  const gathered = new Map<number, HalfOpen>();
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      let port = gathered.get(socket.sport);
      if (port === undefined) {
        port = { count: 0, peers: new Tally(ADDRESS_WORDS), sockets: [] };
        gathered.set(socket.sport, port);
      }
      writeAddress(port.peers.key, 0, socket.data, socket.destinationOffset, socket.familyNumber);
      port.peers.add();
      if (port.count++ < KEPT) port.sockets.push(keep(socket));
    },
  };
}

const COOKIES = "TcpExt.TCPReqQFullDoCookies";
const DROPPED = "TcpExt.TCPReqQFullDrop";
const FAILED = "TcpExt.SyncookiesFailed";

/** See {@link rule}. */
export const synFlood = rule({
  id: "syn-flood",
  title: "Many handshakes are not completed: a SYN flood, or answers that do not arrive",
  severity: "critical",
  reads: [
    "TCP sockets in SYN-RECV",
    `${COOKIES}, ${DROPPED} and ${FAILED} of /proc/net/netstat`,
    "net.ipv4.tcp_syncookies",
  ],
  thresholds: {
    count: {
      value: 256,
      quantity: "count",
      doc: "half-open connections of one port: a handshake takes one round trip, so even 10,000 a second at 20 ms make 200",
    },
  },
  why:
    "Each half-open connection takes a place until the peer answers the SYN-ACK, and a flood from forged addresses never does. " +
    "Once the places are taken, the kernel answers with SYN cookies, or without these drops new connections.",
  advice: [
    { text: "See where they come from", command: "ss -tn state syn-recv sport = :PORT" },
    {
      text: "See what the kernel does with what finds no place",
      command: "nstat -az 'TcpExtTCPReqQFull*' 'TcpExtSyncookies*'",
    },
    { text: "Let it answer with cookies", command: "sysctl -w net.ipv4.tcp_syncookies=1" },
    {
      text: "See whether the SYN-ACKs leave: a route or a firewall may lose them",
      command: "tcpdump -ni any 'tcp[13] = 18'",
    },
  ],
  rate: "better",
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_SYN_RECV) | (1 << SS_NEW_SYN_RECV),
    collect: halfOpen,
  },
  check(samples) {
    const { count } = samples.thresholds;
    const cookies = growth(samples, COOKIES) ?? 0;
    const dropped = growth(samples, DROPPED) ?? 0;
    const [mode] = samples.numbers("sys/net/ipv4/tcp_syncookies");
    const evidence: string[] = [];
    if (cookies > 0)
      evidence.push(`${counted(cookies, "SYN")} found no place, answered with cookies (${COOKIES})`);
    if (dropped > 0) evidence.push(`${counted(dropped, "SYN")} found no place, dropped (${DROPPED})`);
    const failed = growth(samples, FAILED) ?? 0;
    if (failed > 0) evidence.push(`${counted(failed, "ACK")} with a wrong cookie (${FAILED})`);
    if (mode === 0) evidence.push("SYN cookies are off: net.ipv4.tcp_syncookies is 0");
    const findings: Finding[] = [...samples.first.gathered]
      .filter(([, port]) => port.count >= count)
      .sort(([, a], [, b]) => b.count - a.count)
      .map(([port, { count, peers, sockets }]) => ({
        severity: "critical",
        title: `Port ${port} has ${counted(count, "half-open connection")} from ${counted(peers.size, "address", "addresses")}`,
        sockets,
        evidence,
        values: { halfOpen: count, peers: peers.size, port, cookies, dropped },
        fill: { PORT: port },
      }));
    if (findings.length > 0 || cookies + dropped === 0) return findings;
    return [
      {
        severity: dropped > 0 ? "critical" : "warning",
        title: `${counted(cookies + dropped, "SYN")} found no place in a SYN queue in ${seconds(samples.elapsedMs)}`,
        sockets: [...samples.first.gathered.values()].flatMap(({ sockets }) => sockets),
        evidence,
        values: { cookies, dropped },
      },
    ];
  },
});
