/**
 * Compares us with ss, netstat and lsof over a number of sockets, in a network namespace of its own. Prints Markdown
 * tables of medians, and one of the library on Node.
 *
 * Usage: bench.ts [--sockets N] [--runs N] [--executable PATH] [--check | --record] [--growth]
 *
 * --check   says which ratios to ss are worse than those in recorded.json
 * --record  writes the ratios to recorded.json
 * --growth  measures from 1,000 live to 1,000,000 replayed sockets, and draws docs/growth.svg
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loopbackUp } from "../test/kernel/c.ts";
import { unshare } from "../test/kernel/namespace.ts";
import { drawGrowth } from "./growth.ts";
import { makeSockets } from "./herds.ts";
import { type Cost, compare, peakMemory, type Sink } from "./measure.ts";
import { makeNamespaces } from "./namespaces.ts";
import { checkRatios, noteRatios, recordRatios } from "./recorded.ts";
import { measureSweep } from "./sweep.ts";

const { values } = parseArgs({
  options: {
    sockets: { type: "string", default: "108000" },
    runs: { type: "string", default: "7" },
    executable: { type: "string", default: join(import.meta.dirname, "../dist/sockscope") },
    check: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
    growth: { type: "boolean", default: false },
    /** This is the process inside the namespace. */
    inside: { type: "boolean", default: false },
  },
});
const sockets = Number(values.sockets);
const runs = Number(values.runs);

/** A line of the table. */
interface Case {
  readonly args: string;
  /** The arguments of netstat for the same, where it has them. */
  readonly netstat?: string;
  /** The most that our time may be, divided by that of ss. */
  readonly target?: number;
  /** The same for processor time. */
  readonly cpuTarget?: number;
  readonly sinks: readonly Sink[];
  /** Whether the peak memory is measured. */
  readonly memory?: boolean;
  /** Whether ss takes seconds, so that a few runs must do. */
  readonly slow?: boolean;
}

/** Runs of what takes seconds. */
const FEW_RUNS = 3;

const bothSinks: readonly Sink[] = ["/dev/null", "pipe"];

/** Run before there are sockets: nearly all of the time is the start of the program. */
const emptyCases: readonly Case[] = [
  { args: "-tln", netstat: "-tln", target: 3.5, sinks: ["/dev/null"] },
  { args: "-s", target: 3.5, sinks: ["/dev/null"] },
];

const cases: readonly Case[] = [
  { args: "-tan", netstat: "-tan", target: 0.68, cpuTarget: 0.85, sinks: bothSinks, memory: true },
  { args: "-tani", target: 0.48, cpuTarget: 0.65, sinks: bothSinks, memory: true },
  { args: "-taneom", target: 0.6, sinks: ["/dev/null"] },
  { args: "-tan sport = :1", target: 1.3, sinks: ["/dev/null"] },
  // Asked for all states, an ss before 6.8 leaves out a table that takes the kernel long: that of bound sockets.
  { args: "-tn state established", target: 0.75, sinks: ["/dev/null"] },
  { args: "-tin state established", target: 0.75, sinks: ["/dev/null"] },
  { args: "-tn state established sport = :1", target: 1.5, sinks: ["/dev/null"] },
  { args: "-tanp", netstat: "-tanp", target: 0.08, sinks: ["/dev/null"], memory: true, slow: true },
];

/** A command that answers to the name of another program. */
interface Habit {
  readonly program: "netstat" | "lsof";
  readonly args: readonly string[];
  /** The most that our time may be, divided by that of the program. */
  readonly target?: number;
}

/** The commands called like others. PORT is a port in use. */
const habits: readonly Habit[] = [
  { program: "netstat", args: ["-tan"], target: 0.5 },
  { program: "lsof", args: ["-nP", "-iTCP"], target: 0.3 },
  { program: "lsof", args: ["-ti", ":PORT"] },
];

/** How many UNIX sockets there are for {@link unixCases}, which run without the other sockets. */
const UNIX_SOCKETS = 18_000;

const unixCases: readonly Case[] = [
  { args: "-xa", target: 0.8, sinks: ["/dev/null"], memory: true },
  { args: "-xap", target: 0.8, sinks: ["/dev/null"] },
];

function inMs(value: number | undefined): string {
  return value === undefined ? "" : value.toFixed(value < 100 ? 1 : 0);
}

function inMb(bytes: number | undefined): string {
  return bytes === undefined ? "" : (bytes / 2 ** 20).toFixed(0);
}

/** Runs a case and prints its lines. */
async function measure(
  { args, netstat, target, cpuTarget, sinks, memory, slow }: Case,
  count: string,
): Promise<Cost> {
  const words = args.split(" ");
  const command = (program: string, its: string[] | undefined) =>
    Bun.which(program) !== null && its ? [program, ...its] : undefined;
  const ours = [values.executable, ...words];
  const ss = command("ss", words);
  const other = command("netstat", netstat?.split(" "));
  const missing = (program: string, its: string | undefined) =>
    its !== undefined && Bun.which(program) === null ? "not installed" : "";
  let first: Cost | undefined;
  for (const sink of sinks) {
    const [mine, its, others] = compare([ours, ss, other], sink, slow ? Math.min(runs, FEW_RUNS) : runs);
    first ??= mine;
    const peaks = memory && [await peakMemory(ours), ss && (await peakMemory(ss))];
    const cells = [
      `\`${args}\``,
      count,
      sink,
      inMs(mine?.wall),
      inMs(its?.wall) || missing("ss", args),
      inMs(others?.wall) || missing("netstat", netstat),
      mine && its ? (mine.wall / its.wall).toFixed(2) : "",
      target === undefined ? "" : `≤ ${target}`,
      mine && its ? (mine.cpu / its.cpu).toFixed(2) : "",
      cpuTarget === undefined ? "" : `≤ ${cpuTarget}`,
      peaks ? inMb(peaks[0]) : "",
      peaks ? inMb(peaks[1]) : "",
    ];
    console.log(`| ${cells.join(" | ")} |`);
    if (mine && its) noteRatios(`${args}, ${count} sockets, ${sink}`, mine, its);
  }
  return first!;
}

/** A port that is in use, with a listener. */
function usedPort(): string {
  const listed = Bun.spawnSync([values.executable, "-tlnH"]).stdout.toString();
  return /:(\d+)\s/.exec(listed)?.[1] ?? "1";
}

/** Measures the commands that are called like other programs. @returns our cost of each */
function measureHabits(count: string): Cost[] {
  console.log(
    "\n| command | ours, ms | the original, ms | ratio | target | CPU ratio |\n|---|--:|--:|--:|--:|--:|",
  );
  const port = usedPort();
  return habits.map(({ program, args, target }) => {
    const words = args.map((arg) => arg.replace("PORT", port));
    const original = Bun.which(program) === null ? undefined : [program, ...words];
    const few = Math.min(runs, FEW_RUNS);
    const [mine, its] = compare([[values.executable, program, ...words], original], "/dev/null", few);
    const name = `${program} ${args.join(" ")}`;
    const cells = [
      `\`${name}\``,
      inMs(mine!.wall),
      inMs(its?.wall) || "not installed",
      its ? (mine!.wall / its.wall).toFixed(2) : "",
      target === undefined ? "" : `≤ ${target}`,
      its ? (mine!.cpu / its.cpu).toFixed(2) : "",
    ];
    console.log(`| ${cells.join(" | ")} |`);
    if (its) noteRatios(`${name}, ${count} sockets, /dev/null`, mine!, its);
    return mine!;
  });
}

/** The most milliseconds that owners take beside the listing and the sweep over the descriptors. */
const OWNERS_TARGET_MS = 60;
/** The most milliseconds that `lsof -ti :PORT` takes beside the sweep. */
const PORT_TARGET_MS = 50;

/** Says what finding owners takes beside the sweep over the descriptors. */
function reportSweep(plain: Cost, owned: Cost, port: Cost): void {
  const { sockets, iterator, twoThreads, oneThread } = measureSweep(Math.min(runs, FEW_RUNS));
  const sweep = iterator || twoThreads;
  console.log(
    `\nThe sweep over the descriptors alone (${sockets.toLocaleString("en")} sockets): ${inMs(iterator)} ms with the BPF iterator, ${inMs(twoThreads)} ms with ` +
      `links on two threads, ${inMs(oneThread)} ms on one\n\n` +
      `\`-tanp\` beside \`-tan\` and the sweep: ${inMs(owned.wall - plain.wall - sweep)} ms (≤ ${OWNERS_TARGET_MS}); ` +
      `\`lsof -ti :PORT\` beside the sweep: ${inMs(port.wall - sweep)} ms (≤ ${PORT_TARGET_MS})`,
  );
}

async function bench(): Promise<void> {
  loopbackUp();
  console.log(
    "| command | sockets | output to | ours, ms | ss, ms | netstat, ms | ours/ss | target | CPU ours/ss | target | ours, MiB | ss, MiB |",
  );
  console.log("|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
  const bare = await bareExecutable();
  for (const each of emptyCases) await measure(each, "0");
  const [nothing, ...starts] = compare(
    [[bare], ...startCases.map((args) => [values.executable, ...args])],
    "/dev/null",
    runs,
  );
  const endUnix = await makeSockets(UNIX_SOCKETS, "unix");
  for (const each of unixCases) await measure(each, UNIX_SOCKETS.toLocaleString("en"));
  await endUnix();
  const end = await makeSockets(sockets);
  const count = sockets.toLocaleString("en");
  const costs = new Map<string, Cost>();
  for (const each of cases) costs.set(each.args, await measure(each, count));
  const [, , port] = measureHabits(count);
  reportSweep(costs.get("-tan")!, costs.get("-tanp")!, port!);
  console.log();
  await measureNamespaces(0);
  await measureNamespaces(CONNECTIONS);
  measureDoctor();
  await measureJson();
  await measureLibrary();
  await end();
  const started = starts.map((cost, index) => {
    const times = cost!.wall / nothing!.wall;
    return `\`${startCases[index]!.join(" ")}\` ${inMs(cost!.wall)} ms (${times.toFixed(2)} times)`;
  });
  console.log(
    `\nAn empty program of Bun starts and ends in ${inMs(nothing!.wall)} ms; ours without sockets: ${started.join(", ")}`,
  );
  if (values.record) recordRatios();
  if (values.check) checkRatios();
}

/** Runs whose time is nearly all the start of the program. */
const startCases = [["-V"], ["-tln"], ["-s"]];

/** Compiles an empty program: what the runtime itself takes to start and end. @returns its path */
async function bareExecutable(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "bare");
  writeFileSync(`${program}.ts`, "");
  const build = ["build", "--compile", "--minify", "--bytecode", `${program}.ts`, "--outfile", program];
  const { exitCode } = Bun.spawnSync([process.execPath, ...build], { stdio: ["ignore", "ignore", "ignore"] });
  if (exitCode !== 0) throw new Error("An empty program cannot be compiled");
  return program;
}

/** Milliseconds that the doctor waits between its samples. */
const APART_MS = 1000;
/** Its time beside that wait, divided by that of a listing with all details: no more than this. */
const DOCTOR_TARGET = 1.5;

/** Measures the doctor by our own listing of the same sockets. */
function measureDoctor(): void {
  const doctor = [values.executable, "doctor", "--for", `${APART_MS}ms`];
  const listing = [values.executable, "-taneom"];
  const [mine, its] = compare([doctor, listing], "/dev/null", runs).map((cost) => cost!.wall);
  const work = mine! - APART_MS;
  console.log(
    `\`doctor\` beside its wait of ${APART_MS} ms: ${inMs(work)} ms, \`-taneom\`: ${inMs(its)} ms, ` +
      `ratio ${(work / its!).toFixed(2)} (≤ ${DOCTOR_TARGET})\n`,
  );
}

/** How many further network namespaces there are, and how many connections in each; another run has empty ones. */
const NAMESPACES = 50;
const CONNECTIONS = 5;

/** Measures `--all-netns` beside the other sockets, by ss in one namespace after the other. */
async function measureNamespaces(connections: number): Promise<void> {
  const { pids, end } = await makeNamespaces(NAMESPACES, connections);
  const loop = 'for pid; do nsenter --target "$pid" --net ss -tan; done; ss -tan';
  const ours = [values.executable, "--all-netns", "-tan"];
  const alone = [values.executable, "-tan"];
  const others = Bun.which("ss") === null ? undefined : ["sh", "-c", loop, "sh", ...pids.map(String)];
  const [mine, one, its] = compare([ours, alone, others], "/dev/null", Math.min(runs, FEW_RUNS));
  const peak = inMb(await peakMemory(ours));
  await end();
  console.log(
    `\`--all-netns -tan\` with ${NAMESPACES} further namespaces of ${connections} connections each: ` +
      `${inMs(mine!.wall)} ms (CPU ${inMs(mine!.cpu)}), \`-tan\` ${inMs(one!.wall)} ms (CPU ${inMs(one!.cpu)}), ` +
      `ss in each of them ${inMs(its?.wall) || "not installed"} ms, ${peak} MiB\n`,
  );
  if (its) noteRatios(`--all-netns -tan, ${NAMESPACES} namespaces of ${connections} connections`, mine!, its);
}

/** The time of JSON, divided by that of the same text: no more than this. */
const JSON_TARGET = 2.5;

/** Measures JSON by the text of the same sockets. */
async function measureJson(): Promise<void> {
  for (const args of [["-tan"], ["-tanei"]]) {
    const text = [values.executable, ...args];
    const json = [...text, "--json"];
    const [mine, its] = compare([json, text], "/dev/null", runs);
    const peak = inMb(await peakMemory(json));
    console.log(
      `\`${args.join(" ")} --json\`: ${inMs(mine!.wall)} ms, text ${inMs(its!.wall)} ms, ` +
        `ratio ${(mine!.wall / its!.wall).toFixed(2)} (≤ ${JSON_TARGET}), ` +
        `CPU ${(mine!.cpu / its!.cpu).toFixed(2)}, ${peak} MiB\n`,
    );
  }
}

/** Measures the library where Node is installed: its table is its own. */
async function measureLibrary(): Promise<void> {
  if (Bun.which("node") === null) return console.log("The library is not measured: Node is not installed");
  const program = ["node", join(import.meta.dirname, "library.mjs"), `${runs}`];
  const { exited } = Bun.spawn(program, { stdio: ["ignore", "inherit", "inherit"] });
  if ((await exited) !== 0) throw new Error("The library cannot be measured");
}

if (values.inside && values.growth) {
  loopbackUp();
  await drawGrowth(values.executable, runs, makeSockets);
} else if (values.inside) await bench();
else {
  const program = [process.execPath, import.meta.path, "--inside", ...process.argv.slice(2)];
  const inside = Bun.spawn([...unshare, ...program], { stdio: ["ignore", "inherit", "inherit"] });
  process.exitCode = await inside.exited;
}
