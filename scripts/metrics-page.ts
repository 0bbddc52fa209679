/** Makes docs/metrics.md, whose tables come from the families and the bounded groups. */
import { sampleNames } from "../src/metrics/exposition.ts";
import { type FamilyRow, families, fixedSeries } from "../src/metrics/families.ts";
import { type GroupRow, groupNames, groupRows } from "../src/metrics/groups.ts";
import { FEWEST_SERIES, SERIES_LIMIT } from "../src/metrics/limits.ts";
import { STAY_MS } from "../src/metrics/top-group.ts";

const code = (text: string) => `\`${text}\``;

/** The families of a table: name as queries use it, labels, type, meaning, source. */
function familyRow(name: string, { type, labels, help, source }: FamilyRow): string {
  // A histogram is known by the name of its family.
  const shown = type === "histogram" ? name : sampleNames(name, { type })[0]!;
  const cells = [code(shown), type, labels.map(code).join(" "), `${help}.`, source];
  return `| ${cells.join(" | ")} |`;
}

function groupLine(name: (typeof groupNames)[number]): string {
  const { labels, size, doc }: GroupRow = groupRows[name];
  return `| ${doc} | ${labels.map(code).join(" ")} | ${size} |`;
}

/** The page. */
export function metricsPage(): string {
  return `# Metrics

\`sockscope serve\` answers at \`/metrics\` with metrics of the host's sockets and connections, for Prometheus and everything
else that reads its format. Prometheus needs the token of the server:

\`\`\`
# As root, so that the processes of all users and the kernel's trace can be read.
sockscope serve --token-file /etc/sockscope/token
\`\`\`

\`\`\`yaml
# prometheus.yml
scrape_configs:
  - job_name: sockscope
    authorization:
      credentials_file: /etc/sockscope/token
    static_configs:
      - targets: ["127.0.0.1:7787"]
\`\`\`

The answer is OpenMetrics 1.0 for clients whose \`Accept\` prefers it, as that of Prometheus does, and the text format 0.0.4 for
all others. Both have the same series with the same labels. Either is compressed for clients that accept gzip.

[contrib/grafana/sockscope.json](../contrib/grafana/sockscope.json) is a dashboard for Grafana, and
[contrib/prometheus/alerts.yml](../contrib/prometheus/alerts.yml) has alert rules.

## What is counted when

Three things are counted: samples, events and findings.

- A **sample** lists all sockets. Each scrape uses the sample of the current interval, and takes one if there is none.
  Gauges are those of the sample.
- **Events** report what happens between two scrapes: connections that open, fail and end. A connection that ends is counted
  with its last \`tcp_info\`, so connections that no sample has ever seen are in the histograms and in the counters of
  bytes. Without root there is no trace: failed connects, openings and the reasons of ends are then unknown or missing, and
  ends of connections are still counted. See [events.md](events.md).
- **Findings** are those of [\`sockscope doctor\`](doctor/README.md).

Counting begins with the first scrape. What connections have carried before is not counted. It ends 15 minutes after the last
scrape, so that a server that nobody scrapes costs nothing. The next scrape then counts what open connections have carried
meanwhile.

Each byte is counted once: from sample to sample while a connection is open, and by its last counters when it ends.

## Labels

- \`direction\` is \`inbound\` if a listener has the local port, else \`outbound\` if the local port is in the range that the kernel
  gives to connect(2) (\`net.ipv4.ip_local_port_range\`), else \`inbound\` if the peer's port is, else \`unknown\`.
- \`scope\` is \`loopback\` for connections within the host, else \`network\`.
- \`port\` is the port of the service: the local port of an inbound connection, else the peer's.
- \`process\` is the name of a process (\`comm\`), which it chooses itself; \`none\` where no process has the socket open
  (TIME-WAIT), or none is known. Control characters and bytes that are not UTF-8 are written as \`\\xNN\`, and a process that calls
  itself \`other\` or \`none\` gets quotes. No value is longer than 256 bytes.
- \`peer\` is the peer's address. \`--metrics-peers network\` makes it the network (/24 for IPv4, /64 for IPv6), and
  \`--metrics-peers none\` leaves it out.
- \`state\` has the words of the filter: \`established\`, \`close-wait\`, \`listening\` and so on.
- \`le\` has the form of OpenMetrics in both formats: \`le="1.0"\`, not \`le="1"\`.

## Limits

No peer and no process can add series without end. Where strangers choose label values, the heaviest have series of their own,
and all others share the series whose labels are \`other\`:

| label sets | labels | with series of their own |
|---|---|--:|
${groupNames.map(groupLine).join("\n")}

- While there is room, every label set gets series. From then on the weight decides: a byte weighs 1, a connection that
  ends or fails 1000, an open socket 10 per second, and past weight is halved every hour.
- A label set keeps its series for at least ${STAY_MS / 60_000} minutes. After that it loses them if it has not been seen for an hour, or to
  a label set that is twice as heavy.
- What is counted goes to exactly one series, so sums over these labels are exact. When a label set loses its series, what it
  does from then on counts in \`other\`, which never jumps: \`rate()\` and \`increase()\` of both stay right.
- \`sockscope_series_folded_total\` counts what went to \`other\`.
- There are at most ${SERIES_LIMIT.toLocaleString("en")} series (\`--metrics-series\`, at least ${FEWEST_SERIES.toLocaleString("en")}): at most ${fixedSeries} of the families whose label values are ours, and
  the rest for the groups above. A lower limit makes the groups smaller. A host usually has 600 to 900.

## Families

| name | type | labels | meaning | read from |
|---|---|---|---|---|
${Object.entries(families)
  .map(([name, row]) => familyRow(name, row))
  .join("\n")}

Histograms are cumulative, so \`histogram_quantile()\` over many hosts is right: \`sum by (le)\` first. There are no quantiles of
open connections, as averages of quantiles mean nothing.

Counters of the kernel (\`sockscope_dropped_packets_total\`) and the limits are those of the network namespace of the server; the
memory of TCP is that of the whole host.

## Cost

Measured with \`bun bench/metrics.ts --sockets N\` on two cores of a shared virtual machine, Linux 6.18, that was busy with other
work; the server ran with real-time priority (\`chrt -r 1\`). Medians of seven or eight scrapes that each need a sample of their own:

| sockets | series | scrape, ms | processor time, ms | with a shared sample, ms | first scrape, ms |
|--:|--:|--:|--:|--:|--:|
| 10,030 | 672 | 39 | 58 | 3 | 350 |
| 108,104 | 782 | 290 | 326 | 8 | 919 |

Most of it is the listing. To count and to write take 10 ms of processor time for 10,000 sockets, and 60 to 100 ms for 108,000.
The first scrape also looks up the processes of all sockets.

Scrapes that come within one interval share a sample, also with viewers of the page. A million connections from as many
addresses that end within ten minutes add no series, take 2.3 seconds of processor time in all, and no memory that stays.
`;
}
