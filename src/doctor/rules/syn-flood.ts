/** Handshakes that are not completed. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_NEW_SYN_RECV, SS_SYN_RECV } from "../../model/state.ts";
import type { Advice } from "../advice.ts";
import { seconds } from "../amounts.ts";
import { ADDRESS_WORDS, writeAddress } from "../endpoint.ts";
import { plural } from "../plural.ts";
import { type Collector, type Finding, rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { type Few, few } from "../suspects.ts";
import { Tally } from "../tally.ts";

/** Half-open connections of one port. */
interface HalfOpen {
  readonly collector: Collector<Few<InetSocket>>;
  /** Their peers, each once. */
  readonly peers: Tally;
}

function halfOpen(): Collector<ReadonlyMap<number, HalfOpen>> {
  const gathered = new Map<number, HalfOpen>();
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      let port = gathered.get(socket.sport);
      if (port === undefined) {
        port = { collector: few<InetSocket>(), peers: new Tally(ADDRESS_WORDS) };
        gathered.set(socket.sport, port);
      }
      writeAddress(port.peers.key, 0, socket.data, socket.destinationOffset, socket.familyNumber);
      port.peers.add();
      port.collector.see(socket);
    },
  };
}

const COOKIES = "TcpExt.TCPReqQFullDoCookies";
const DROPPED = "TcpExt.TCPReqQFullDrop";
const FAILED = "TcpExt.SyncookiesFailed";

const advice: readonly Advice[] = [
  { text: "List the half-open connections", command: "ss -tn state syn-recv sport = :PORT" },
  {
    text: "Check what the kernel does with SYNs that find the queue full",
    command: "nstat -az 'TcpExtTCPReqQFull*' 'TcpExtSyncookies*'",
  },
  {
    text: "Check whether the SYN-ACKs leave: a route or a firewall may lose them",
    command: "tcpdump -ni any 'tcp[13] = 18'",
  },
];
const cookieAdvice: Advice = {
  text: "Let the kernel answer with SYN cookies",
  command: "sysctl -w net.ipv4.tcp_syncookies=1",
};

/** Finds ports with many half-open connections, and SYN queues that overflow. */
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
  advice: [...advice, cookieAdvice],
  rate: "better",
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_SYN_RECV) | (1 << SS_NEW_SYN_RECV),
    collect: halfOpen,
  },
  check(samples) {
    const { count: least } = samples.thresholds;
    const cookies = growth(samples, COOKIES) ?? 0;
    const dropped = growth(samples, DROPPED) ?? 0;
    const failed = growth(samples, FAILED) ?? 0;
    const isOff = samples.numbers("sys/net/ipv4/tcp_syncookies")[0] === 0;
    const evidence: string[] = [];
    if (cookies > 0)
      evidence.push(`${plural(cookies, "SYN")} found the queue full and got a cookie (${COOKIES})`);
    if (dropped > 0)
      evidence.push(
        `${plural(dropped, "SYN")} found the queue full and ${dropped === 1 ? "was" : "were"} dropped (${DROPPED})`,
      );
    if (failed > 0) evidence.push(`${plural(failed, "ACK")} had a wrong cookie (${FAILED})`);
    if (isOff) evidence.push("SYN cookies are off: net.ipv4.tcp_syncookies is 0");
    const common = { evidence, ...(isOff ? {} : { advice }) };
    const findings: Finding[] = [...samples.first.gathered]
      .map(([port, { peers, collector }]) => ({ port, peers: peers.size, ...collector.gathered }))
      .filter(({ count }) => count >= least)
      .sort((a, b) => b.count - a.count)
      .map(({ port, peers, count, sockets }) => ({
        ...common,
        severity: "critical",
        subject: `port ${port}`,
        title: `Port ${port} has ${plural(count, "half-open connection")} from ${plural(peers, "address", "addresses")}`,
        sockets,
        socketCount: count,
        values: { halfOpen: count, peers, port, cookies, dropped },
        fill: { PORT: port },
      }));
    if (findings.length > 0 || cookies + dropped === 0) return findings;
    return [
      {
        ...common,
        severity: dropped > 0 ? "critical" : "warning",
        subject: "",
        title: `${plural(cookies + dropped, "SYN")} found a SYN queue full in ${seconds(samples.elapsedMs)}`,
        sockets: [...samples.first.gathered.values()].flatMap(({ collector }) => collector.gathered.sockets),
        values: { cookies, dropped },
      },
    ];
  },
});
