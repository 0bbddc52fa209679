/** Every rule of the doctor on the condition that it is for, made of real sockets, and on healthy ones. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rules } from "../../src/doctor/rules/index.ts";
import { obstacle, startWorld, unshare, type World } from "./namespace.ts";

/** The rules that find nothing by one sample. */
const needingTwo = rules.filter(({ rate }) => rate === true).map(({ id }) => id);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const root = process.getuid?.() === 0;
const title = (text: string, why: string | undefined) =>
  why === undefined ? text : `${text} (skipped: ${why})`;
const noRoot = obstacle ?? (root ? undefined : "only root can make these");

/** A finding as our JSON has it. */
interface Found {
  readonly rule: string;
  readonly severity: string;
  readonly title: string;
  readonly netns?: { readonly inode: number };
  readonly values: Readonly<Record<string, number | string>>;
  readonly evidence: readonly string[];
  readonly socketCount: number;
  readonly sockets: readonly {
    readonly state: string;
    readonly local: { readonly port: number };
    readonly processes: readonly { readonly pid: number }[];
  }[];
  readonly advice: readonly { readonly text: string; readonly command?: string }[];
}

interface Report {
  readonly findings: readonly Found[];
  readonly rulesChecked: readonly string[];
  readonly rulesUnchecked: readonly string[];
  readonly socketsExamined: number;
  readonly elapsedMs: number;
}

function doctor(world: World, ...args: string[]): Report {
  const { stdout, stderr } = world.run([executable, "doctor", "--json", ...args]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Report;
}

const set = (...settings: string[]) => settings.flatMap((each) => ["--set", each]);

/** Thresholds that a small world passes. */
const small = set(
  "close-wait.age=20ms",
  "fin-wait-2.age=20ms",
  "fin-wait-2.count=5",
  "syn-sent.retransmits=1",
  "syn-flood.count=4",
  "peer-share.count=10",
  "orphans.count=3",
);

describe.skipIf(obstacle !== undefined)(title("doctor on ill sockets", obstacle), () => {
  let world: World;
  let report: Report;
  /** The finding of a rule, about a port if one is named. */
  const found = (rule: string, port?: number): Found => {
    const all = report.findings.filter(
      (each) => each.rule === rule && (port === undefined || each.values["port"] === port),
    );
    expect(all.map(({ title }) => title)).toHaveLength(1);
    return all[0]!;
  };

  beforeAll(async () => {
    world = await startWorld("doctor-world.ts", ["ill", "http://localhost:5001/", "localhost:5010"]);
    // A SYN that nobody answers is sent again after a second.
    const repeated = () => world.run(["ss", "-Htno", "state", "syn-sent", "dport", "=", ":5001"]).stdout;
    while (!/,1\)/.test(repeated())) await Bun.sleep(50);
    report = doctor(world, "--for", "1100ms", ...small);
  }, 20_000);

  afterAll(async () => world[Symbol.asyncDispose]());

  test("takes two samples", () => {
    expect(report.elapsedMs).toBeGreaterThanOrEqual(1100);
    expect(report.rulesUnchecked).toEqual([]);
    expect(report.socketsExamined).toBeGreaterThan(100);
  });

  test("shows the worst first", () => {
    const order = ["critical", "warning", "info"];
    const severities = report.findings.map(({ severity }) => order.indexOf(severity));
    expect(severities).toEqual(severities.toSorted());
  });

  test("accept-queue: a listener that does not accept", () => {
    const { severity, values, sockets, advice } = found("accept-queue");
    expect([severity, values["waiting"], values["backlog"], values["port"]]).toEqual([
      "critical",
      2,
      1,
      5003,
    ]);
    expect(sockets[0]!.state).toBe("LISTEN");
    const pid = sockets[0]!.processes[0]!.pid;
    expect(advice.map(({ command }) => command)).toContain(`strace -f -p ${pid} -e trace=network`);
  });

  test("unix-backlog: a UNIX listener that does not accept", () => {
    const { severity, values, title } = found("unix-backlog");
    expect([severity, values["waiting"], values["backlog"]]).toEqual(["critical", 2, 1]);
    expect(title).toMatch(/^The backlog of \/.*\/full is full: bun\S* \(pid \d+\) lets 2 connections wait/);
  });

  test("syn-flood: half-open connections, and SYNs answered with cookies", () => {
    const { severity, values, sockets, evidence } = found("syn-flood");
    expect([severity, values["port"], values["peers"]]).toEqual(["critical", 5004, 1]);
    expect(values["halfOpen"]).toBeGreaterThanOrEqual(8);
    expect(sockets[0]!.state).toBe("SYN-RECV");
    expect(evidence.join()).toMatch(/\d+ SYNs? found no place, answered with cookies/);
  });

  test("peer-share: one address with most connections", () => {
    const { values, sockets } = found("peer-share");
    expect([values["address"], values["connections"], values["total"]]).toEqual(["10.77.0.2", 12, 13]);
    expect(sockets).toHaveLength(5);
    expect(sockets[0]!.processes).toHaveLength(1);
  });

  test("close-wait: connections that the peer has closed", () => {
    const { severity, socketCount, sockets, values } = found("close-wait");
    expect([severity, socketCount]).toEqual(["warning", 6]);
    expect(sockets.map(({ state }) => state)).toEqual(Array(5).fill("CLOSE-WAIT"));
    expect(values["longestMs"]).toBeGreaterThan(20);
  });

  test("fin-wait-2: connections that the peer does not close", () => {
    const { severity, socketCount, sockets } = found("fin-wait-2");
    expect([severity, socketCount, sockets[0]!.state]).toEqual(["warning", 6, "FIN-WAIT-2"]);
  });

  test("orphans: closed connections whose peers do not answer", () => {
    const { severity, values, sockets } = found("orphans");
    // The kernel counts those of all namespaces together.
    expect(values["orphans"]).toBeGreaterThanOrEqual(4);
    expect([severity, sockets.length, sockets[0]!.state]).toEqual(["warning", 4, "FIN-WAIT-1"]);
  });

  test("time-wait: as many as there may be", () => {
    const { values } = found("time-wait");
    expect([values["timeWait"], values["limit"]]).toEqual([5, 5]);
  });

  test("ephemeral-ports: nearly all ports taken for a destination", () => {
    const { severity, values, sockets } = found("ephemeral-ports");
    expect([severity, values["used"], values["available"], values["timeWait"]]).toEqual([
      "critical",
      29,
      30,
      5,
    ]);
    expect([values["address"], values["port"]]).toEqual(["127.0.0.1", 5009]);
    expect(sockets).toHaveLength(5);
  });

  test("syn-sent: a peer that does not answer", () => {
    const { severity, values, sockets } = found("syn-sent", 5001);
    expect([severity, sockets[0]!.state, sockets[0]!.processes.length]).toEqual(["warning", "SYN-SENT", 1]);
    expect(values["retransmits"]).toBeGreaterThanOrEqual(1);
  });

  test("syn-sent: tells whether the name on the command line still stands for the peer", () => {
    expect(found("syn-sent", 5001).evidence.join()).toMatch(/^"localhost" .* is 127\.0\.0\.1 now as well/);
    expect(found("syn-sent", 5010).evidence.join()).toMatch(
      /^"localhost" .* is .*127\.0\.0\.1.* now, not 127\.0\.0\.9: it may use an old address$/,
    );
  });

  test("exposed-port: Redis on all addresses", () => {
    const { severity, values, title } = found("exposed-port");
    expect([severity, values["port"]]).toEqual(["warning", 6379]);
    expect(title).toMatch(/^Port 6379 \(Redis\) listens on all addresses: bun/);
  });

  test("udp-drops: datagrams that nobody reads", () => {
    const { severity, values, evidence } = found("udp-drops");
    expect([severity, values["port"]]).toEqual(["warning", 5007]);
    expect(values["lost"]).toBeGreaterThan(100);
    expect(evidence.join()).toMatch(/Udp.RcvbufErrors has grown by \d+/);
  });

  test("netlink-overrun: messages that nobody reads", () => {
    const { severity, values } = found("netlink-overrun");
    expect(severity).toBe("warning");
    expect(values["lostBetweenSamples"]).toBeGreaterThan(100);
  });

  test("mptcp-fallback: a peer without MPTCP", () => {
    const { severity, socketCount, evidence } = found("mptcp-fallback");
    expect([severity, socketCount]).toEqual(["info", 1]);
    expect(evidence.join()).toMatch(/MPTcpExt.MPCapableFallbackSYNACK is 1/);
  });

  test("descriptors: a process near its limit", () => {
    const near = report.findings.filter(
      ({ rule, values }) => rule === "descriptors" && values["limit"] === 10,
    );
    expect(near.map(({ severity, values }) => [severity, values["open"]])).toEqual([["warning", 9]]);
  });

  test("is healthy by thresholds that the world does not pass", () => {
    const { findings } = doctor(world, "--for", "0s", "--rule", "close-wait", "--rule", "peer-share");
    expect(findings).toEqual([]);
  });

  test("says what one sample cannot tell", () => {
    const { findings, rulesUnchecked, elapsedMs } = doctor(world, "--for", "0s", ...set("udp-drops.total=1"));
    expect([rulesUnchecked, elapsedMs]).toEqual([needingTwo, 0]);
    const drops = findings.find(({ rule }) => rule === "udp-drops");
    expect([drops?.severity, drops?.title]).toEqual([
      "info",
      expect.stringMatching(/lost \d+ datagrams since they were opened/),
    ]);
  });

  test("looks only at what options and filter select", () => {
    const rulesOf = (...args: string[]) =>
      [...new Set(doctor(world, "--for", "0s", ...small, ...args).findings.map(({ rule }) => rule))].sort();
    const mine = (rules: string[]) => rules.filter((rule) => rule !== "descriptors" && rule !== "unseen");
    expect(mine(rulesOf("-x"))).toEqual(["unix-backlog"]);
    expect(mine(rulesOf("sport", "=", ":5003"))).toEqual(["accept-queue"]);
    expect(mine(rulesOf("-t", "state", "close-wait"))).toEqual(["close-wait"]);
  });

  test("tells by its exit status what --fail-on asks for", () => {
    const exit = (...args: string[]) => world.run([executable, "doctor", "--for", "0s", ...args]).exit;
    const queue = ["--rule", "accept-queue"];
    expect(exit(...queue)).toBe(0);
    expect(exit(...queue, "--fail-on", "critical")).toBe(2);
    expect(exit(...queue, "--fail-on", "critical", "sport", "=", ":1")).toBe(0);
    expect(exit("--rule", "exposed-port", "--fail-on", "critical")).toBe(0);
    expect(exit("--rule", "exposed-port", "--fail-on", "warning")).toBe(2);
    expect(exit("--fail-on", "worse")).toBe(255);
  });

  test("prints sentences, rows of the table, and commands", () => {
    const { stdout, exit } = world.run([executable, "doctor", "-n", "--for", "0s", "--rule", "exposed-port"]);
    expect(exit).toBe(0);
    expect(stdout).toMatch(
      /^warning: Port 6379 \(Redis\) listens on all addresses: bun\S* \(pid \d+\) \[exposed-port\]\n/,
    );
    expect(stdout).toMatch(
      /^ {2}tcp +LISTEN 0 +64 +0\.0\.0\.0:6379 .*users:\(\("bun[^"]*",pid=\d+,fd=\d+\)\)/m,
    );
    expect(stdout).toMatch(/^ {2}Why: Whoever can reach any address/m);
    expect(stdout).toMatch(/^1 finding \(1 warning\): 1 rule on \d+ sockets, one sample\n$/m);
  });

  test("finds the same in a recording", () => {
    const folder = join(mkdtempSync(join(tmpdir(), "doctor-")), "recording");
    try {
      const live = doctor(world, "--record", folder, ...small);
      const replayed = Bun.spawnSync([executable, "doctor", "--json", "--replay", folder, ...small]);
      expect(replayed.stderr.toString()).toBe("");
      const again = JSON.parse(replayed.stdout.toString()) as Report;
      // Counts of sockets that go on meanwhile are those of the recording.
      expect(again.findings.map(({ title }) => title)).toEqual(live.findings.map(({ title }) => title));
      expect(again.rulesUnchecked).toEqual(needingTwo);
    } finally {
      rmSync(join(folder, ".."), { recursive: true });
    }
  });

  test.skipIf(noRoot !== undefined)(title("--all-netns says where", noRoot), () => {
    const { stdout } = Bun.spawnSync([
      executable,
      ...[
        "doctor",
        "--json",
        "--all-netns",
        "--for",
        "0s",
        "--rule",
        "unix-backlog",
        "--rule",
        "accept-queue",
      ],
    ]);
    const inode = Number(/\d+/.exec(world.run(["readlink", "/proc/self/ns/net"]).stdout)![0]);
    const here = (JSON.parse(stdout.toString()) as Report).findings.filter(
      ({ netns }) => netns?.inode === inode,
    );
    expect(here.map(({ rule }) => rule).sort()).toEqual(["accept-queue", "unix-backlog"]);
  });

  test.skipIf(noRoot !== undefined)(title("unseen: what only root can see", noRoot), () => {
    // Where the repository is, others may have no way to.
    const folder = mkdtempSync(join(tmpdir(), "doctor-"));
    try {
      chmodSync(folder, 0o755);
      copyFileSync(executable, join(folder, "sockscope"));
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const run = (...user: string[]) => {
        const command = [...user, join(folder, "sockscope"), "doctor", "--json", "--for=0s", "--rule=unseen"];
        return JSON.parse(world.run(command).stdout) as Report;
      };
      expect(run().findings).toEqual([]);
      const [finding] = run(...nobody).findings;
      expect([finding?.severity, finding?.title]).toEqual([
        "info",
        expect.stringMatching(
          /^The descriptors of \d+ process(es)? cannot be read, so their sockets show no owner$/,
        ),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(["SIGINT", "SIGTERM"] as const)("ends at once on %s", async (signal) => {
    const child = Bun.spawn([executable, "doctor", "--for", "1m", "--rule", "loopback-only"], {
      stdout: "pipe",
    });
    const timers = () => Bun.file(`/proc/${child.pid}/status`).text();
    // It catches the signal once it waits.
    const mask = signal === "SIGINT" ? 1n << 1n : 1n << 14n;
    for (;;) {
      const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(await timers())?.[1] ?? "0";
      if ((BigInt(`0x${caught}`) & mask) !== 0n) break;
      await Bun.sleep(5);
    }
    child.kill(signal);
    expect(await child.exited).toBe(signal === "SIGINT" ? 130 : 143);
    expect(await new Response(child.stdout).text()).toBe("");
  });
});

describe.skipIf(obstacle !== undefined)(title("doctor on healthy sockets", obstacle), () => {
  test("finds nothing in a thousand ordinary connections", async () => {
    await using world = await startWorld("doctor-world.ts", ["healthy"]);
    const { findings, socketsExamined, rulesChecked } = doctor(world, "--for", "500ms");
    expect(socketsExamined).toBeGreaterThan(2000);
    expect(rulesChecked).toContain("loopback-only");
    // What processes outside of this world are up to is not the matter here.
    const worse = findings.filter(({ severity, rule }) => severity !== "info" && rule !== "descriptors");
    expect(worse).toEqual([]);
    const text = world.run([executable, "doctor", "--for", "0s", "--rule", "accept-queue"]).stdout;
    expect(text).toMatch(/^No findings: 1 rule on \d+ sockets, one sample\n$/);
  }, 20_000);
});

describe.skipIf(noRoot !== undefined)(title("loopback-only", noRoot), () => {
  const local = "10.78.0.1";

  /** Lets another namespace reach the world, and try a port there from now on. @returns what ends it */
  async function strangers(world: World, port: number): Promise<() => Promise<unknown>> {
    const attempts = `for (;;) { await Bun.connect({ hostname: "${local}", port: ${port}, socket: { data() {} } }).catch(() => {}); await Bun.sleep(20); }`;
    const outside = Bun.spawn(
      [
        ...unshare,
        "sh",
        "-c",
        'until ip link show away >/dev/null 2>&1; do sleep 0.02; done; exec "$@"',
        "sh",
      ].concat(
        "sh",
        "-c",
        `ip link set away up && ip address add 10.78.0.2/24 dev away && exec ${process.execPath} -e '${attempts}'`,
      ),
    );
    world.run(["sh", "-c", `ip link add near type veth peer name away netns ${outside.pid}`]);
    world.run(["sh", "-c", `ip address add ${local}/24 dev near && ip link set near up`]);
    return () => {
      outside.kill("SIGKILL");
      return outside.exited;
    };
  }

  test("is told where others are refused, and not where they are let in", async () => {
    await using world = await startWorld("doctor-world.ts", ["healthy"]);
    const end = await strangers(world, 6379);
    try {
      // Its OutRsts begins to grow once the first attempt comes through.
      const resets = () =>
        Number(world.run(["sh", "-c", "awk '/^Tcp: [0-9]/ { print $15 }' /proc/net/snmp"]).stdout);
      const before = resets();
      while (resets() === before) await Bun.sleep(20);
      const [finding] = doctor(world, "--for", "400ms", "--rule", "loopback-only").findings;
      expect([finding?.severity, finding?.title]).toEqual([
        "info",
        expect.stringMatching(
          /^\d+ attempts of others to connect may have been refused in .* and \d+ services listen on loopback only$/,
        ),
      ]);
      expect(finding!.sockets.map(({ local }) => local.port)).toContain(6379);
    } finally {
      await end();
    }
    // 443 is open to everybody.
    const stop = await strangers(world, 443);
    try {
      expect(doctor(world, "--for", "400ms", "--rule", "loopback-only").findings).toEqual([]);
    } finally {
      await stop();
    }
  }, 20_000);
});
