/**
 * What `sockscope record` costs on a busy host: processor time, memory and bytes, in a network namespace of its own.
 * A tenth of the sockets change from sample to sample, and some connections open and close.
 *
 * SOCKSCOPE names the executable. Several, separated by colons, record beside each other, so that whatever else the
 * machine does is the same for all of them.
 *
 * Usage: bun bench/recorder.ts [SOCKETS [INTERVAL_S [SECONDS [CLOSES_A_SECOND]]]]
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loopbackUp } from "../test/kernel/c.ts";
import { unshare } from "../test/kernel/namespace.ts";

const INSIDE = "SOCKSCOPE_BENCH_INSIDE";
const CONNECTIONS_PER_PROCESS = 2500;
/** Sockets that change between two samples. */
const CHANGING = 0.1;
const TICKS_PER_SECOND = 100;
/** In the first minutes, most of the time goes into compiling the code that runs. */
const WARM_UP_MS = 60_000;

const [sockets = 10_000, interval = 5, seconds = 120, closes = 20] = process.argv.slice(2).map(Number);

/** Processor time in seconds: in user mode, and in the kernel. */
interface ProcessorTime {
  readonly user: number;
  readonly system: number;
  /** Both, of the main thread alone: the others compile code and collect garbage. */
  readonly main: number;
}

/** The processor time of a process so far. proc_pid_stat(5). */
function processorTime(pid: number): ProcessorTime {
  const times = (path: string) => {
    const stat = readFileSync(path, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return [Number(fields[11]) / TICKS_PER_SECOND, Number(fields[12]) / TICKS_PER_SECOND] as const;
  };
  const [user, system] = times(`/proc/${pid}/stat`);
  const [mainUser, mainSystem] = times(`/proc/${pid}/task/${pid}/stat`);
  return { user, system, main: mainUser + mainSystem };
}

/** Memory of a process in MiB: its own pages, and its share of those that others have, too. */
function memoryMib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

/** Starts a program of this folder, and waits for its first line. */
async function startProgram(name: string, args: readonly number[], limit?: number) {
  const program = [process.execPath, join(import.meta.dirname, name), ...args.map(String)];
  const command = limit === undefined ? program : ["prlimit", `--nofile=${limit}`, ...program];
  const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  return child;
}

async function measure(): Promise<void> {
  loopbackUp();
  const connections = sockets / 2;
  const rate = (sockets * CHANGING) / 2 / interval;
  const programs: Awaited<ReturnType<typeof startProgram>>[] = [];
  for (let left = connections; left > 0; left -= CONNECTIONS_PER_PROCESS) {
    const some = Math.min(left, CONNECTIONS_PER_PROCESS);
    const child = await startProgram(
      "traffic.ts",
      [programs.length, some, (rate * some) / connections],
      some * 2 + 100,
    );
    await child.stdout.getReader().read();
    programs.push(child);
  }
  const closing = closes === 0 ? undefined : await startProgram("connections.ts", [closes, seconds + 60]);
  const executables = process.env["SOCKSCOPE"] ?? join(import.meta.dirname, "../dist/sockscope");
  const recorders = executables.split(":").map(startRecorder);
  try {
    await Bun.sleep(WARM_UP_MS);
    const begun = performance.now();
    const before = recorders.map(({ child }) => processorTime(child.pid));
    while (performance.now() - begun < seconds * 1000) {
      await Bun.sleep(1000);
      for (const { child, memory } of recorders) memory.push(memoryMib(child.pid));
    }
    const passed = (performance.now() - begun) / 1000;
    const after = recorders.map(({ child }) => processorTime(child.pid));
    for (const { child } of recorders) child.kill("SIGINT");
    await Promise.all(recorders.map(({ child }) => child.exited));
    console.log(`${sockets} sockets every ${interval} s, ${closes} connections a second, for ${seconds} s`);
    for (const [index, recorder] of recorders.entries())
      report(recorder, before[index]!, after[index]!, passed);
  } finally {
    for (const { child } of recorders) child.kill();
    closing?.kill();
    for (const { stdin } of programs) stdin.end();
    for (const { store } of recorders)
      if (process.env["KEEP"] === undefined) rmSync(store, { recursive: true });
      else console.log(store);
  }
}

/** Starts a recorder with a store of its own. */
function startRecorder(executable: string) {
  const store = mkdtempSync(join(tmpdir(), "sockscope-recorder-"));
  const command = [executable, "record", "-d", `${interval}`, "--store", store];
  const child = Bun.spawn(command, { stdout: "inherit", stderr: "inherit" });
  return { executable, store, child, memory: [] as number[] };
}

/** Prints what a recorder took, and what it wrote. @param passed seconds between the two readings */
function report(
  { executable, store, memory }: ReturnType<typeof startRecorder>,
  before: ProcessorTime,
  after: ProcessorTime,
  passed: number,
): void {
  const percent = (seconds: number) => ((100 * seconds) / passed).toFixed(2);
  const user = after.user - before.user;
  const system = after.system - before.system;
  memory.sort((a, b) => a - b);
  console.log(executable);
  console.log(
    `CPU ${percent(user + system)} % of a core: ${percent(user)} in user mode, ${percent(system)} in the kernel; ${percent(after.main - before.main)} in the main thread`,
  );
  console.log(
    `memory (PSS) ${memory[memory.length >> 1]?.toFixed(0)} MiB median, ${memory.at(-1)?.toFixed(0)} MiB at most`,
  );
  for (const name of readdirSync(store).filter((each) => each.endsWith(".db"))) {
    using database = new Database(join(store, name), { readonly: true });
    const sql = `SELECT whole, count(*) AS samples, sum(sockets) AS sockets, sum(length(data)) AS bytes,
      avg(duration_us) / 1000 AS ms FROM sample GROUP BY whole`;
    for (const row of database.query(sql).all()) console.log(JSON.stringify(row));
    console.log(JSON.stringify(database.query("SELECT count(*) AS connections FROM connection").get()));
    console.log(
      JSON.stringify(
        database.query("SELECT kind, count(*) AS n, sum(count) AS count FROM coverage GROUP BY kind").all(),
      ),
    );
  }
}

if (process.env[INSIDE] === undefined) {
  const { exitCode } = Bun.spawnSync(
    [...unshare, process.execPath, import.meta.path, ...process.argv.slice(2)],
    {
      env: { ...process.env, [INSIDE]: "1" },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  process.exitCode = exitCode;
} else {
  await measure();
}
