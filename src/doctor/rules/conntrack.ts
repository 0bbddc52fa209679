/** A connection tracking table that is nearly full. */
import { seconds } from "../amounts.ts";
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";
import { growth } from "../sample.ts";

const COUNT = "sys/net/netfilter/nf_conntrack_count";
const MAX = "sys/net/netfilter/nf_conntrack_max";
/** Packets that found the table full, by /proc/net/stat/nf_conntrack; entries that were removed early to make room. */
const DROPS = "nf_conntrack.drop";
const EARLY_DROPS = "nf_conntrack.early_drop";

/** Compares the entries of connection tracking with nf_conntrack_max. Reads no sockets. */
export const conntrack = rule({
  id: "conntrack",
  title: "The connection tracking table is full or nearly full",
  severity: "critical",
  reads: [
    "net.netfilter.nf_conntrack_count and nf_conntrack_max",
    "drop and early_drop of /proc/net/stat/nf_conntrack",
  ],
  thresholds: {
    share: {
      value: 80,
      quantity: "percent",
      doc: "of nf_conntrack_max in use for a warning: a burst fills the rest",
    },
    full: {
      value: 95,
      quantity: "percent",
      doc: "of nf_conntrack_max in use to be critical: the kernel begins to drop packets",
    },
  },
  why:
    'When the table is full, the kernel drops the first packet of every new connection ("nf_conntrack: table full, dropping packet"). ' +
    "Connections that exist go on, so the host seems well while nobody can connect.",
  advice: [
    {
      text: "Compare entries and limit",
      command: "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
    },
    {
      text: "List the entries, and see which addresses have most of them",
      command: "conntrack -L -o extended",
    },
    {
      text: "Raise the limit (each entry takes about 300 bytes)",
      command: "sysctl -w net.netfilter.nf_conntrack_max=524288",
    },
    {
      text: "Let idle entries end sooner",
      command: "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_established=86400",
    },
  ],
  rate: "better",
  check(samples) {
    const { share, full } = samples.thresholds;
    const [count] = samples.numbers(COUNT);
    const [limit] = samples.numbers(MAX);
    if (count === undefined || limit === undefined || limit === 0) return [];
    const dropped = growth(samples, DROPS) ?? 0;
    const early = growth(samples, EARLY_DROPS) ?? 0;
    if (count * 100 < limit * share && dropped + early === 0) return [];
    return [
      {
        severity: dropped > 0 || count * 100 >= limit * full ? "critical" : "warning",
        subject: "",
        title: `Connection tracking has ${plural(count, "entry", "entries")}, and the limit is ${limit}`,
        evidence: [
          ...(dropped > 0
            ? [
                `${plural(dropped, "packet was", "packets were")} dropped in ${seconds(samples.elapsedMs)} (${DROPS})`,
              ]
            : []),
          ...(early > 0
            ? [`${plural(early, "entry was", "entries were")} removed early to make room (${EARLY_DROPS})`]
            : []),
        ],
        values: { entries: count, limit, dropped, earlyDropped: early },
      },
    ];
  },
});
