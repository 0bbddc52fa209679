/**
 * Measures a scrape of the metrics in a network namespace of its own: the listing of all sockets, their processes, the
 * count, and the text.
 *
 * Usage: metrics.ts [--sockets N] [--runs N] [--show]
 */
import { parseArgs } from "node:util";
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
import { loopbackUp } from "../test/kernel/c.ts";
import { unshare } from "../test/kernel/namespace.ts";
import { makeSockets } from "./herds.ts";

const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "10000" },
    runs: { type: "string", default: "7" },
    /** Prints the exposition, too. */
    show: { type: "boolean", default: false },
    /** This is the process inside the namespace. */
    inside: { type: "boolean", default: false },
  },
});

if (values.inside) {
  loopbackUp();
  const end = await makeSockets(Number(values.sockets));
  await measure(Number(values.runs));
  await end();
} else {
  const program = [process.execPath, import.meta.path, "--inside", ...process.argv.slice(2)];
  const inside = Bun.spawn([...unshare, ...program], { stdio: ["ignore", "inherit", "inherit"] });
  process.exitCode = await inside.exited;
}

async function measure(runs: number): Promise<void> {
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
  /** Processor time of this process in milliseconds: other programs do not lengthen it. */
  const used = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const stages = ["list", "owners", "count", "text", "all"] as const;
  const costs = stages.map(() => ({ wall: [] as number[], cpu: [] as number[] }));
  let body = "";
  for (let run = 0; run < runs; run++) {
    const marks = [[now(), used()] as const];
    const mark = () => marks.push([now(), used()]);
    table.begin(now());
    for (const batch of query.sockets()) table.add(batch, now());
    table.finish();
    mark();
    await owners.refresh(table, now, () => undefined);
    mark();
    metrics.takeSample({ number: run, durationMs: now() - marks[0]![0], table, holders: owners });
    mark();
    ({ body } = metrics.exposition("application/openmetrics-text"));
    mark();
    for (const [index, { wall, cpu }] of costs.entries()) {
      const [from, to] = stages[index] === "all" ? [0, stages.length - 1] : [index, index + 1];
      wall.push(marks[to]![0] - marks[from]![0]);
      cpu.push(marks[to]![1] - marks[from]![1]);
    }
  }
  const series = /^sockscope_series (\d+)$/m.exec(body)?.[1];
  console.log(`${table.size} sockets, ${series} series, ${body.length} bytes\n`);
  console.log("| milliseconds | first | median | processor time, median |\n|---|--:|--:|--:|");
  for (const [index, { wall, cpu }] of costs.entries()) {
    const shown = [wall[0]!, medianOf(wall), medianOf(cpu)].map((each) => each.toFixed(1));
    console.log(`| ${stages[index]} | ${shown.join(" | ")} |`);
  }
  if (values.show) console.log(body);
}

function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}
