/** Closed connections that have not ended, with no process left. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_CLOSING, SS_FIN_WAIT_1, SS_FIN_WAIT_2, SS_LAST_ACK } from "../../model/state.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { few } from "../suspects.ts";

const ABORTED = "TcpExt.TCPAbortOnMemory";
const COUNT = "sockstat.TCP.orphan";
const LIMIT = "sys/net/ipv4/tcp_max_orphans";

/** Compares the orphaned TCP sockets of the host with tcp_max_orphans. */
export const orphans = rule({
  id: "orphans",
  title: "Closed connections pile up because their peers do not let them end",
  severity: "critical",
  reads: [
    "TCP orphan of /proc/net/sockstat, which counts the whole host",
    "net.ipv4.tcp_max_orphans",
    `${ABORTED} of /proc/net/netstat`,
    "TCP sockets in FIN-WAIT-1, FIN-WAIT-2, LAST-ACK and CLOSING that no process has open",
  ],
  thresholds: {
    share: {
      value: 25,
      quantity: "percent",
      doc: "of tcp_max_orphans for a warning: the kernel counts an orphan up to four times when it compares",
    },
    full: {
      value: 90,
      quantity: "percent",
      doc: "of tcp_max_orphans to be critical: a burst passes the limit",
    },
    count: {
      value: 4096,
      quantity: "count",
      doc: "orphans for a warning where the limit cannot be read, as in a container: on a small host it is 8192",
    },
  },
  why:
    "Each orphan keeps unswappable memory, up to 64 kB, until the peer acknowledges what was sent or retransmissions give up. " +
    "At the limit the kernel resets connections instead of closing them, and their last data is lost.",
  advice: [
    { text: "List the peers that do not answer", command: "ss -tanoe state fin-wait-1 state last-ack" },
    {
      text: "Check whether connections are reset because of it",
      command: "nstat -az TcpExtTCPAbortOnMemory",
    },
    { text: "Give up sooner", command: "sysctl -w net.ipv4.tcp_orphan_retries=3" },
    { text: "Raise the limit, if there is memory", command: "sysctl -w net.ipv4.tcp_max_orphans=65536" },
  ],
  rate: "better",
  hostWide: true,
  sockets: {
    tables: ["tcp"],
    states: (1 << SS_FIN_WAIT_1) | (1 << SS_FIN_WAIT_2) | (1 << SS_LAST_ACK) | (1 << SS_CLOSING),
    collect: () => few<InetSocket>(({ inode }) => inode === 0),
  },
  check(samples) {
    const { share, full, count } = samples.thresholds;
    const [limit] = samples.numbers(LIMIT);
    const { sockets, count: listed } = samples.first.gathered;
    const orphaned = samples.last.counters.get(COUNT) ?? listed;
    const aborted = growth(samples, ABORTED) ?? 0;
    const isMany = limit === undefined ? orphaned >= count : orphaned * 100 >= limit * share;
    if (!isMany && aborted === 0) return [];
    const isFull = aborted > 0 || (limit !== undefined && orphaned * 100 >= limit * full);
    return [
      {
        severity: isFull ? "critical" : "warning",
        subject: "",
        title: `${plural(orphaned, "closed connection waits", "closed connections wait")} for the peer${limit === undefined ? "" : `, and the limit is ${limit}`}`,
        sockets,
        socketCount: listed,
        evidence:
          aborted > 0 ? [`${plural(aborted, "connection was", "connections were")} reset (${ABORTED})`] : [],
        values: { orphans: orphaned, ...(limit === undefined ? {} : { limit }), aborted },
      },
    ];
  },
});
