/** TIME-WAIT at its limit. */
import type { InetSocket } from "../../families/inet/socket.ts";
import { SS_TIME_WAIT } from "../../model/state.ts";
import { type Collector, rule } from "../rule.ts";
import { growth } from "../sample.ts";
import { keep } from "../suspects.ts";
import { counted } from "../words.ts";

const OVERFLOW = "TcpExt.TCPTimeWaitOverflow";
const LIMIT = "sys/net/ipv4/tcp_max_tw_buckets";

/** So many are kept, to be shown. */
const KEPT = 20;

function firstFew(): Collector<readonly InetSocket[]> {
  const gathered: InetSocket[] = [];
  return {
    gathered,
    see(socket) {
      if (gathered.length < KEPT) gathered.push(keep(socket as InetSocket));
    },
  };
}

/** See {@link rule}. */
export const timeWait = rule({
  id: "time-wait",
  title: "TIME-WAIT is at its limit",
  severity: "warning",
  reads: ["TCP tw of /proc/net/sockstat", `${OVERFLOW} of /proc/net/netstat`, "net.ipv4.tcp_max_tw_buckets"],
  thresholds: {
    share: {
      value: 90,
      quantity: "percent",
      doc: "of tcp_max_tw_buckets in use: soon the first are thrown away",
    },
  },
  why:
    "TIME-WAIT keeps late packets of a closed connection out of the next one with the same ports. " +
    "Beyond the limit the kernel closes at once, so that late packets may end up in a new connection, or reset it.",
  advice: [
    { text: "See whose connections these were", command: "ss -tan state time-wait" },
    { text: "See whether the limit is passed", command: "nstat -az TcpExtTCPTimeWaitOverflow" },
    { text: "Raise the limit", command: "sysctl -w net.ipv4.tcp_max_tw_buckets=262144" },
    { text: "Let the clients close first, or keep connections open" },
  ],
  rate: "better",
  sockets: { tables: ["tcp"], states: 1 << SS_TIME_WAIT, collect: firstFew },
  check(samples) {
    const [limit] = samples.numbers(LIMIT);
    const count = samples.last.counters.get("sockstat.TCP.tw");
    const overflow = growth(samples, OVERFLOW) ?? 0;
    const near =
      limit !== undefined && count !== undefined && count * 100 >= limit * samples.thresholds.share;
    if (!near && overflow === 0) return [];
    return [
      {
        severity: "warning",
        title: `${counted(count ?? 0, "connection is", "connections are")} in TIME-WAIT${limit === undefined ? "" : `, of ${limit} at most`}`,
        sockets: samples.first.gathered,
        evidence: overflow > 0 ? [`${overflow} found no place (${OVERFLOW})`] : [],
        values: { timeWait: count ?? 0, ...(limit === undefined ? {} : { limit }), overflow },
      },
    ];
  },
});
