/**
 * Measures scrapes of `sockscope serve` in a network namespace of its own: how long a scrape takes that needs a sample
 * of its own, and one that shares the last. Prints a row of the table in docs/metrics.md.
 *
 * Usage: metrics.ts [--sockets N] [--runs N] [--executable PATH]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { withSockets } from "./herds.ts";

const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "10000" },
    runs: { type: "string", default: "9" },
    executable: { type: "string", default: join(import.meta.dirname, "../dist/sockscope") },
    /** This is the process inside the namespace. */
    inside: { type: "boolean", default: false },
  },
});

/** Milliseconds after which a sample is too old to be shared, on a busy machine too. */
const AGED_MS = 4000;

/** What one scrape cost. */
interface Scrape {
  /** Milliseconds until the answer was read. */
  readonly ms: number;
  /** Processor time of the server meanwhile, in milliseconds. */
  readonly cpuMs: number;
  readonly body: string;
}

/** The value of a series without labels. */
function seriesValue(body: string, name: string): number {
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(body)?.[1]);
}

function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

/** Processor time of all threads of a process in milliseconds: other programs do not lengthen it. */
function usedMs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
  return ns / 1e6;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-bench-"));
  const unix = join(folder, "socket");
  const server = Bun.spawn([values.executable, "serve", "--listen", `unix:${unix}`], { stdout: "pipe" });
  await server.stdout.getReader().read();
  const scrape = async (): Promise<Scrape> => {
    const began = performance.now();
    const used = usedMs(server.pid);
    const headers = { Accept: "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "gzip" };
    const answer = await fetch("http://localhost/metrics", { unix, headers });
    const body = await answer.text();
    return { body, ms: performance.now() - began, cpuMs: usedMs(server.pid) - used };
  };
  const first = await scrape();
  const alone: Scrape[] = [];
  const shared: Scrape[] = [];
  for (let run = 0; run < Number(values.runs); run++) {
    await Bun.sleep(AGED_MS);
    alone.push(await scrape());
    shared.push(await scrape());
  }
  const { body } = alone.at(-1)!;
  const counts = [...body.matchAll(/^sockscope_sockets\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  const cells = [
    counts.reduce((sum, count) => sum + count, 0),
    seriesValue(body, "sockscope_series"),
    medianOf(alone.map(({ ms }) => ms)),
    medianOf(alone.map(({ cpuMs }) => cpuMs)),
    medianOf(shared.map(({ ms }) => ms)),
    first.ms,
  ];
  console.log(
    "| sockets | series | scrape, ms | processor time, ms | with a shared sample, ms | first scrape, ms |",
  );
  console.log("|--:|--:|--:|--:|--:|--:|");
  console.log(`| ${cells.map((cell) => Math.round(cell).toLocaleString("en")).join(" | ")} |`);
  server.kill();
  await server.exited;
  rmSync(folder, { recursive: true });
}

await withSockets(import.meta.path, values.inside, Number(values.sockets), measure);
