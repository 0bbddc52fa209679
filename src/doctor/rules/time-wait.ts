/** TIME-WAIT at its limit. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_TIME_WAIT } from "../../model/state.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { few } from "../suspects.ts";

const OVERFLOW = "TcpExt.TCPTimeWaitOverflow";
const LIMIT = "sys/net/ipv4/tcp_max_tw_buckets";

/** Compares the number of sockets in TIME-WAIT with tcp_max_tw_buckets. */
export const timeWait = rule({
  id: "time-wait",
  title: "TIME-WAIT is at its limit",
  severity: "warning",
  reads: ["TCP tw of /proc/net/sockstat", `${OVERFLOW} of /proc/net/netstat`, "net.ipv4.tcp_max_tw_buckets"],
  thresholds: {
    share: {
      value: 90,
      quantity: "percent",
      doc: "of tcp_max_tw_buckets in use: the kernel soon ends connections without TIME-WAIT",
    },
  },
  why:
    "TIME-WAIT keeps late packets of a closed connection out of the next one with the same ports. " +
    "At the limit the kernel skips it, so that late packets may end up in a new connection or reset it.",
  advice: [
    { text: "List the connections in TIME-WAIT", command: "ss -tan state time-wait" },
    { text: "Check whether the limit is passed", command: "nstat -az TcpExtTCPTimeWaitOverflow" },
    { text: "Raise the limit", command: "sysctl -w net.ipv4.tcp_max_tw_buckets=262144" },
    { text: "Let the clients close first, or keep connections open" },
  ],
  rate: "better",
  sockets: { tables: ["tcp"], states: 1 << SS_TIME_WAIT, collect: () => few<InetSocket>() },
  check(samples) {
    const [limit] = samples.numbers(LIMIT);
    const count = samples.last.counters.get("sockstat.TCP.tw");
    const overflow = growth(samples, OVERFLOW) ?? 0;
    const isNear =
      limit !== undefined && count !== undefined && count * 100 >= limit * samples.thresholds.share;
    if (!isNear && overflow === 0) return [];
    const { sockets, count: listed } = samples.first.gathered;
    return [
      {
        severity: "warning",
        subject: "",
        title: `${plural(count ?? 0, "connection is", "connections are")} in TIME-WAIT${limit === undefined ? "" : `, and the limit is ${limit}`}`,
        sockets,
        socketCount: listed,
        evidence: overflow > 0 ? [`${overflow} more ended without it (${OVERFLOW})`] : [],
        values: { timeWait: count ?? 0, ...(limit === undefined ? {} : { limit }), overflow },
      },
    ];
  },
});
