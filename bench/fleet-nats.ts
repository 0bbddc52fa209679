/**
 * Measures a fleet on one machine: a real nats-server, agents over played kernels with a connection each, and the
 * executable as the client.
 *
 * Usage: bun bench/fleet-nats.ts [--agents 1000] [--sockets 50] [--runs 50] [--rows 10000]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { collect } from "../src/fleet/nats/collect.ts";
import { connectBroker } from "../src/fleet/nats/connect.ts";
import { readRoster } from "../src/fleet/nats/roster.ts";
import { PROTOCOL, type Question } from "../src/fleet/protocol.ts";
import { startNatsServer } from "../test/fleet/nats-server.ts";

const executable = join(import.meta.dirname, "../dist/sockscope");
const agentsProgram = join(import.meta.dirname, "../test/fleet/nats-agents.ts");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    agents: { type: "string", default: "1000" },
    sockets: { type: "string", default: "50" },
    runs: { type: "string", default: "50" },
    rows: { type: "string", default: "10000" },
    processes: { type: "string", default: "2" },
  },
});
const agents = Number(values.agents);
const processes = Number(values.processes);

/** Starts all agents, and waits until they answer. @param sockets of each host */
async function startAgents(url: string, sockets: number): Promise<{ stop(): void; cpuMs(): number }> {
  const each = Math.ceil(agents / processes);
  const children = Array.from({ length: processes }, (_, index) => {
    const range = [index * each + 1, Math.min(agents, (index + 1) * each)].map(String);
    return Bun.spawn([process.execPath, agentsProgram, url, "host", ...range, String(sockets)], {
      stdout: "pipe",
      stderr: "inherit",
    });
  });
  await Promise.all(children.map(async ({ stdout }) => (await stdout.getReader().read()).value));
  return {
    stop: () => {
      for (const child of children) child.kill();
    },
    cpuMs: () => children.reduce((sum, { pid }) => sum + processMs(pid), 0),
  };
}

/** Processor time of a process in milliseconds. proc_pid_stat(5) */
function processMs(pid: number): number {
  const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const fields = rest.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** A line of /proc/PID/status in KiB. */
function statusKiB(pid: number, key: string): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
}

const percentile = (sorted: readonly number[], share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** How long it takes to count the sockets of all hosts by state. */
async function measureCount(): Promise<void> {
  await using server = await startNatsServer();
  const fleet = await startAgents(server.url, Number(values.sockets));
  const broker = await connectBroker({ url: server.url, files: {}, name: "bench" });
  let hosts: readonly string[] = [];
  while (hosts.length < agents) {
    await Bun.sleep(200);
    hosts = (await readRoster(broker.connection)) ?? [];
  }
  const question: Question = {
    protocol: PROTOCOL,
    args: ["--tcp", "--all", "--numeric", "--by=state"],
    words: [],
    form: "rows",
    maxRows: 1_000_000,
    budgetMs: 30_000,
  };
  const ask = async () => {
    let rows = 0;
    const outcomes = await collect(
      broker,
      hosts,
      question,
      (_, frame) => {
        if ("rows" in frame) rows += frame.rows.length;
      },
      {
        key: undefined,
        toAll: true,
        deadlineMs: 30_000,
        interrupted: new AbortController().signal,
        now: Date.now,
      },
    );
    const missing = outcomes.filter(({ failure }) => failure !== undefined);
    if (missing.length > 0) throw new Error(`${missing.length} are missing: ${missing[0]!.failure}`);
    return rows;
  };
  for (let round = 0; round < 10; round++) await ask();
  const times: number[] = [];
  const cpu = { server: processMs(server.pid), agents: fleet.cpuMs(), client: process.cpuUsage() };
  for (let run = 0; run < Number(values.runs); run++) {
    const begun = performance.now();
    await ask();
    times.push(performance.now() - begun);
  }
  const runs = times.length;
  const { user, system } = process.cpuUsage(cpu.client);
  times.sort((a, b) => a - b);
  say(
    `count of ${agents} hosts × ${values.sockets} sockets, ${runs} runs: median ${percentile(times, 0.5).toFixed(0)} ms, ` +
      `p99 ${percentile(times, 0.99).toFixed(0)} ms; processor time of one: server ` +
      `${((processMs(server.pid) - cpu.server) / runs).toFixed(0)} ms, agents ${((fleet.cpuMs() - cpu.agents) / runs).toFixed(0)} ms, ` +
      `client ${((user + system) / 1000 / runs).toFixed(0)} ms`,
  );
  await broker.connection.close();
  const command: number[] = [];
  for (let run = 0; run < 10; run++) {
    const begun = performance.now();
    const child = Bun.spawn([executable, "--fleet", server.url, "-tan", "--by", "state"], {
      stdout: "ignore",
    });
    if ((await child.exited) !== 0) throw new Error("the command fails");
    command.push(performance.now() - begun);
  }
  command.sort((a, b) => a - b);
  say(`the same as a command, start and roster included: median ${percentile(command, 0.5).toFixed(0)} ms`);
  fleet.stop();
}

/** How much memory the client takes to pull everything. */
async function measurePull(): Promise<void> {
  await using server = await startNatsServer();
  const fleet = await startAgents(server.url, Number(values.rows));
  await Bun.sleep(2000);
  const begun = performance.now();
  const child = Bun.spawn([executable, "--fleet", server.url, "-tan", "--host-timeout", "600"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  let peak = 0;
  const timer = setInterval(() => {
    if (child.exitCode === null) peak = Math.max(peak, statusKiB(child.pid, "VmHWM"));
  }, 50);
  let lines = 0;
  let bytes = 0;
  for await (const chunk of child.stdout) {
    bytes += chunk.length;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  }
  const status = await child.exited;
  clearInterval(timer);
  const errors = await child.stderr.text();
  const seconds = (performance.now() - begun) / 1000;
  const slow = server.log().match(/slow consumer/gi)?.length ?? 0;
  say(
    `pull of ${agents} hosts × ${values.rows} rows: ${lines - 1} rows, ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s, ` +
      `client's peak ${(peak / 1024).toFixed(0)} MiB, exit ${status}, slow consumers ${slow}`,
  );
  if (errors !== "") say(errors);
  fleet.stop();
}

/** What an agent costs that nobody questions. */
async function measureIdle(): Promise<void> {
  await using server = await startNatsServer();
  const child = Bun.spawn([executable, "agent", "--nats", server.url, "--name", "idle"], {
    stderr: "ignore",
  });
  await Bun.sleep(5000);
  // A question, so that it has done what it is for.
  await Bun.spawn([executable, "--fleet", server.url, "-tan"], { stdout: "ignore" }).exited;
  await Bun.sleep(20_000);
  const before = processMs(child.pid);
  const seconds = 120;
  await Bun.sleep(seconds * 1000);
  const used = processMs(child.pid) - before;
  say(
    `idle agent: ${used} ms of processor time in ${seconds} s (${((used / seconds / 1000) * 100).toFixed(3)} % of a core), ` +
      `${(statusKiB(child.pid, "VmRSS") / 1024).toFixed(0)} MiB resident (at most ${(statusKiB(child.pid, "VmHWM") / 1024).toFixed(0)} MiB)`,
  );
  child.kill();
  await child.exited;
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  count: measureCount,
  pull: measurePull,
  idle: measureIdle,
};

const wanted = positionals.filter((word) => Object.hasOwn(parts, word));
for (const part of wanted.length > 0 ? wanted : Object.keys(parts)) await parts[part]!();
process.exit(0);
