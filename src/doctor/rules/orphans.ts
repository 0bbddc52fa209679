/** Connections that no process has open any more, and that are not over. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSING, SS_FIN_WAIT_1, SS_FIN_WAIT_2, SS_LAST_ACK } from "../../model/state.ts";
import { type Collector, rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { keep } from "../suspects.ts";
import { counted } from "../words.ts";

/** So many are kept, to be shown. */
const KEPT = 20;

/** The first few orphans, and how many there are. */
interface Orphans {
  count: number;
  readonly sockets: InetSocket[];
}

function orphaned(): Collector<Orphans> {
  const gathered: Orphans = { count: 0, sockets: [] };
  return {
    gathered,
    see(each) {
      const socket = each as InetSocket;
      if (socket.inode === 0 && gathered.count++ < KEPT) gathered.sockets.push(keep(socket));
    },
  };
}

const ABORTED = "TcpExt.TCPAbortOnMemory";
const COUNT = "sockstat.TCP.orphan";
const LIMIT = "sys/net/ipv4/tcp_max_orphans";

/** See {@link rule}. */
export const orphans = rule({
  id: "orphans",
  title: "Closed connections pile up whose peers do not let them end",
  severity: "critical",
  reads: [
    "TCP orphan of /proc/net/sockstat, of the whole host",
    "net.ipv4.tcp_max_orphans",
    `${ABORTED} of /proc/net/netstat`,
    "TCP sockets in FIN-WAIT-1, FIN-WAIT-2, LAST-ACK and CLOSING that no process has open",
  ],
  thresholds: {
    share: {
      value: 25,
      quantity: "percent",
      doc: "of tcp_max_orphans for a warning: the kernel counts an orphan up to four times as it judges",
    },
    full: {
      value: 90,
      quantity: "percent",
      doc: "of tcp_max_orphans to be critical: a burst passes the limit",
    },
    count: {
      value: 4096,
      quantity: "count",
      doc: "orphans for a warning where the limit is not told, as in a container: it is 8192 on a small host",
    },
  },
  why:
    "Each orphan keeps unswappable memory, up to 64 kB, until the peer acknowledges what was sent or retransmissions give up. " +
    "At the limit the kernel resets connections in place of closing them, so that the last data is lost.",
  advice: [
    { text: "See the peers that do not answer", command: "ss -tanoe state fin-wait-1 state last-ack" },
    { text: "See whether connections are reset for it", command: "nstat -az TcpExtTCPAbortOnMemory" },
    { text: "Give up sooner", command: "sysctl -w net.ipv4.tcp_orphan_retries=3" },
    { text: "Raise the limit, if there is memory", command: "sysctl -w net.ipv4.tcp_max_orphans=65536" },
  ],
  rate: "better",
  hostWide: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_FIN_WAIT_1) | (1 << SS_FIN_WAIT_2) | (1 << SS_LAST_ACK) | (1 << SS_CLOSING),
    collect: orphaned,
  },
  check(samples) {
    const { share, full, count } = samples.thresholds;
    const [limit] = samples.numbers(LIMIT);
    const { sockets } = samples.first.gathered;
    const orphaned = samples.last.counters.get(COUNT) ?? samples.first.gathered.count;
    const aborted = growth(samples, ABORTED) ?? 0;
    const isMany = limit === undefined ? orphaned >= count : orphaned * 100 >= limit * share;
    if (!isMany && aborted === 0) return [];
    const isFull = aborted > 0 || (limit !== undefined && orphaned * 100 >= limit * full);
    return [
      {
        severity: isFull ? "critical" : "warning",
        title: `${counted(orphaned, "closed connection waits", "closed connections wait")} for the peer${limit === undefined ? "" : `, of ${limit} at most`}`,
        sockets,
        evidence: aborted > 0 ? [`${counted(aborted, "connection")} reset for it (${ABORTED})`] : [],
        values: { orphans: orphaned, ...(limit === undefined ? {} : { limit }), aborted },
      },
    ];
  },
});
