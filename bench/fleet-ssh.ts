/**
 * How long 1,000 hosts take over ssh: the real client, and for each host a stand-in for ssh that starts the real agent on
 * a played kernel with 500 sockets. All of them run on this machine, where a fleet would have a machine each.
 *
 * A run of 1,000 hosts takes about 15 seconds on two free cores.
 *
 * Usage: fleet-ssh.ts [--hosts NUMBER] [--dead NUMBER] [--runs NUMBER]
 */
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    hosts: { type: "string", default: "1000" },
    dead: { type: "string", default: "100" },
    runs: { type: "string", default: "1" },
  },
});
const [hosts, dead, runs] = [values.hosts, values.dead, values.runs].map(Number) as [number, number, number];
/** Seconds until the stand-in gives up on a dead host, as ssh does after ConnectTimeout. */
const CONNECT_SECONDS = 5;

const folder = mkdtempSync(join(tmpdir(), "sockscope-bench-"));
copyFileSync(join(root, "test/fleet/ssh-stand-in.sh"), join(folder, "ssh"));
chmodSync(join(folder, "ssh"), 0o755);

/** Runs a question. The processor time is that of the client, the stand-ins and the agents. */
async function ask(list: string, question: readonly string[]) {
  const from = Bun.nanoseconds();
  const child = Bun.spawn(
    [join(root, "dist/sockscope"), "--host", list, "--host-timeout", "300", ...question],
    {
      env: {
        PATH: `${folder}:${process.env["PATH"]}`,
        AGENT: join(root, "dist/sockscope"),
        RECORDING: join(root, "test/fixtures/mixed-500"),
        DEAD_SECONDS: String(CONNECT_SECONDS),
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  const missing = Number(/: (\d+) of \d+ hosts did not answer/.exec(stderr)?.[1] ?? 0);
  const { cpuTime, maxRSS } = child.resourceUsage()!;
  return {
    seconds: (Bun.nanoseconds() - from) / 1e9,
    rows: stdout.trimEnd().split("\n").length - 1,
    missing,
    cpuSeconds: Number(cpuTime.total) / 1e6,
    mebibytes: maxRSS / 2 ** 20,
  };
}

const live = `web[1-${hosts}]`;
const gone = `dead[1-${dead}]`;
const count = ["-tan", "--by", "state"];
/** The dead hosts come first, so that they would hold up the others if they could. */
const rounds = [
  { label: `${hosts} hosts`, list: live, question: count },
  { label: `${dead} dead hosts`, list: gone, question: count },
  { label: `${dead} dead hosts and ${hosts} others`, list: `${gone},${live}`, question: count },
  { label: `${hosts} hosts`, list: live, question: ["-tan"] },
];
console.log(
  `${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}; each agent reads a recording of 500 sockets; ` +
    `a dead host fails after ${CONNECT_SECONDS} s`,
);
try {
  for (const { label, list, question } of rounds) {
    const found = [];
    for (let run = 0; run < runs; run++) found.push(await ask(list, question));
    const best = found.sort((a, b) => a.seconds - b.seconds)[0]!;
    console.log(
      [
        question.join(" ").padEnd(16),
        label.padEnd(32),
        `${best.seconds.toFixed(1)} s`.padStart(7),
        `${best.cpuSeconds.toFixed(1)} s CPU`.padStart(11),
        `${best.rows} rows, ${best.missing} did not answer, the largest process ${best.mebibytes.toFixed(0)} MiB`,
      ].join("  "),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
