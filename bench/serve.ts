/**
 * Measures what one viewer of `sockscope serve` costs, in a network namespace of its own: the time until the first
 * rows, the processor time per second while the page shows the table, and the time until rows come in another order.
 * The requests are those of the page. Prints a row of the table in docs/serve.md.
 *
 * Usage: serve.ts [--sockets N] [--seconds N] [--executable PATH] [--source]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { withSockets } from "./herds.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "10000" },
    seconds: { type: "string", default: "20" },
    executable: { type: "string", default: join(root, "dist/sockscope") },
    /** Runs the sources in place of the executable, and leaves a profile in the working directory. */
    source: { type: "boolean", default: false },
    /** This is the process inside the namespace. */
    inside: { type: "boolean", default: false },
  },
});

/** The columns and the window that the page shows at first. */
const WINDOW =
  "/api/live?columns=netid,state,recvq,sendq,local,peer,rx,tx,rate,retransRate,rtt,process,pid&offset=0&limit=80";
/** Time for owners to be found and code to be compiled, in milliseconds. */
const SETTLE_MS = 30_000;
/** The columns that the table is sorted by. */
const ORDERS = ["local", "-rtt", "process", "state"];

/** Processor time of all threads of a process in milliseconds. */
function usedMs(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]);
  return ns / 1e6;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-bench-"));
  const unix = join(folder, "socket");
  const program = values.source
    ? [process.execPath, "--cpu-prof", join(root, "src/cli/main.ts")]
    : [values.executable];
  const server = Bun.spawn([...program, "serve", "--listen", `unix:${unix}`], { stdout: "pipe" });
  await server.stdout.getReader().read();
  const request = async (path: string) => {
    const began = performance.now();
    const answer = await fetch(`http://localhost${path}`, { unix, headers: { "Accept-Encoding": "gzip" } });
    const body = await answer.text();
    return { ms: performance.now() - began, body };
  };
  const first = await request(`${WINDOW}&sort=-rate`);
  const { total } = JSON.parse(first.body) as { total: number };

  const stop = new AbortController();
  const stream = await fetch("http://localhost/api/stream", { unix, signal: stop.signal });
  const decoder = new TextDecoder();
  let samples = 0;
  const viewing = (async () => {
    for await (const chunk of stream.body!)
      if (decoder.decode(chunk, { stream: true }).includes("event: sample")) {
        samples++;
        await request(`${WINDOW}&sort=-rate`);
      }
  })().catch(() => undefined);
  await Bun.sleep(SETTLE_MS);
  const [beforeMs, before, began] = [usedMs(server.pid), samples, performance.now()];
  await Bun.sleep(Number(values.seconds) * 1000);
  const elapsedMs = performance.now() - began;
  const share = (100 * (usedMs(server.pid) - beforeMs)) / elapsedMs;
  const rate = ((samples - before) * 1000) / elapsedMs;
  const sorts: number[] = [];
  for (const order of ORDERS) sorts.push((await request(`${WINDOW}&sort=${order}`)).ms);
  stop.abort();
  await viewing;
  const cells = [
    total.toLocaleString("en"),
    Math.round(first.ms),
    `${share.toFixed(1)} %`,
    rate.toFixed(2),
    Math.round(Math.max(...sorts)),
  ];
  console.log(
    "| sockets | first rows, ms | one viewer, of a processor | samples a second | another order, ms |",
  );
  console.log("|--:|--:|--:|--:|--:|");
  console.log(`| ${cells.join(" | ")} |`);
  server.kill();
  await server.exited;
  rmSync(folder, { recursive: true });
}

await withSockets(import.meta.path, values.inside, Number(values.sockets), measure);
