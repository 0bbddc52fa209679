/**
 * Measures a scrape of the metrics on this host: the listing of all sockets, the owners, the count, and the text.
 * Usage: bun bench/metrics.ts [RUNS]. Make sockets first, for instance with bench/sockets.ts.
 */
import { filesBelow } from "../src/doctor/host-facts.ts";
import { liveHost } from "../src/host/live.ts";
import { ownerSearch } from "../src/live/owners.ts";
import { SocketTable } from "../src/live/table.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import { demandSet } from "../src/model/demand.ts";
import { defaultTables, tables } from "../src/model/selection.ts";
import { stateGroups } from "../src/model/state.ts";
import { sourcesOf } from "../src/procfs/source.ts";
import { allParts } from "../src/query/all-parts.ts";
import { openQuery } from "../src/query/open.ts";

const runs = Number(process.argv[2] ?? 7);
const host = liveHost();
const families = new Set(defaultTables.flatMap((table): readonly number[] => tables[table].families));
const selection = {
  tables: new Set(defaultTables),
  families,
  states: stateGroups.all,
  preferred: undefined,
};
using query = await openQuery(
  { host, report: () => undefined, parts: allParts, keep: false },
  {
    selection,
    filter: undefined,
    allNetns: false,
    sources: sourcesOf({}),
    demands: demandSet(["info"]),
    bpfMapIds: [],
    serviceNames: false,
    order: { sort: [] },
    kill: false,
  },
);
const table = new SocketTable();
const owners = ownerSearch(host.files, "/proc", () => undefined);
const metrics = new Metrics({
  version: "bench",
  now: () => performance.now(),
  files: filesBelow(host.files, "/proc"),
  cost: () => ({ cpuSeconds: 0, rssBytes: process.memoryUsage.rss(), startSeconds: 0 }),
  sources: [],
});
const now = () => performance.now();
const columns: Record<string, number[]> = { list: [], owners: [], count: [], text: [], all: [] };
let body = "";
for (let run = 0; run < runs; run++) {
  const times = [now()];
  table.begin(now());
  for (const batch of query.sockets()) table.add(batch, now());
  table.finish();
  times.push(now());
  await owners.refresh(table, now, () => undefined);
  times.push(now());
  metrics.takeSample({ number: run, durationMs: now() - times[0]!, table, holders: owners });
  times.push(now());
  ({ body } = metrics.exposition(process.env["ACCEPT"] ?? "application/openmetrics-text"));
  times.push(now());
  for (const [index, name] of ["list", "owners", "count", "text"].entries())
    columns[name]!.push(times[index + 1]! - times[index]!);
  columns["all"]!.push(times[4]! - times[0]!);
}
const series = /^sockscope_series (\d+)$/m.exec(body)?.[1];
console.log(`${table.size} sockets, ${series} series, ${body.length} bytes; milliseconds of the first run, median, largest`);
for (const [name, times] of Object.entries(columns)) {
  const sorted = [...times].sort((a, b) => a - b);
  const shown = [times[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!].map((each) => each.toFixed(1));
  console.log(name.padEnd(8), ...shown.map((each) => each.padStart(8)));
}
if (process.env["SHOW"] !== undefined) console.log(body);
