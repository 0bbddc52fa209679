/** Every rule of the doctor on the condition that it is for, made of real sockets, and on healthy ones. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { socketSchema } from "../../src/catalogue/schema.ts";
import { optionsOf } from "../../src/cli/options.ts";
import { rules } from "../../src/doctor/rules/index.ts";
import { pairRuleIds } from "../../src/fleet/pair-finding.ts";
import { doctorSchema } from "../../src/output/doctor-schema.ts";
import { obstacle, startWorld, unshare, type World } from "./namespace.ts";

// A loaded machine may take its time.
setDefaultTimeout(120_000);

/** The rules about the host or its counters: what else goes on there is not the matter here. */
const hostWide = new Set(["descriptors", "unseen", "conntrack"]);

/** The rules that find nothing by one sample. */
const needingTwo = rules.filter(({ rate }) => rate === true).map(({ id }) => id);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const root = process.getuid?.() === 0;
const title = (text: string, why: string | undefined) =>
  why === undefined ? text : `${text} (skipped: ${why})`;
const noRoot = obstacle ?? (root ? undefined : "only root can make these");

const ajv = new Ajv2020({ strict: true, strictTypes: false, formats: { "date-time": isDateTime } });
ajv.addSchema(socketSchema(optionsOf));
ajv.addSchema(doctorSchema(pairRuleIds));

/** RFC 3339 as Date writes it. */
function isDateTime(text: string): boolean {
  return new Date(text).toISOString() === text;
}

/** Fails unless an object is as the schema says. @param part of the schema, after its `#` */
function expectValid(object: unknown, part = ""): void {
  const validate = ajv.getSchema(`urn:sockscope:doctor:1.0#${part}`)!;
  expect(validate(object) ? [] : validate.errors).toEqual([]);
}

/** A finding as our JSON has it. */
interface Found {
  readonly rule: string;
  readonly severity: string;
  readonly title: string;
  readonly netns?: { readonly inode: number };
  readonly values: Readonly<Record<string, number | string>>;
  readonly subject: string;
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
  "connect-timeouts.age=1ms",
  "dead-peer.retransmits=1",
  "path-mtu.retransmits=1",
  "window-scaling.bytes=4k",
  "window-scaling.rtt=0ms",
);

describe.skipIf(obstacle !== undefined)(title("doctor on ill sockets", obstacle), () => {
  let world: World;
  let report: Report;
  /** The finding of a rule, about a port if one is named. */
  const found = (rule: string, about?: number | string): Found => {
    const all = report.findings.filter(
      (each) =>
        each.rule === rule &&
        (about === undefined || each.values["port"] === about || each.subject === about),
    );
    expect(all.map(({ title }) => title)).toHaveLength(1);
    return all[0]!;
  };
  /** The finding about a process of the world, by its name. */
  const foundOf = (rule: string, name: string): Found => {
    const all = report.findings.filter((each) => each.rule === rule && each.title.startsWith(`${name} (pid`));
    expect(all).toHaveLength(1);
    return all[0]!;
  };

  beforeAll(async () => {
    world = await startWorld("doctor-world.ts", ["ill", "http://localhost:5001/", "localhost:5010"]);
    // A SYN that nobody answers is sent again after a second.
    const repeated = () => world.run(["ss", "-Htno", "state", "syn-sent", "dport", "=", ":5001"]).stdout;
    while (!/,1\)/.test(repeated())) await Bun.sleep(50);
    report = doctor(world, "--for", "1100ms", "--dns", ...small);
  });

  afterAll(async () => world[Symbol.asyncDispose]());

  test("prints JSON as the schema says", () => {
    expectValid(report);
    const rulesListed = JSON.parse(world.run([executable, "doctor", "--list-rules", "--json"]).stdout);
    expectValid(rulesListed, "/$defs/rules");
    expectValid(
      JSON.parse(world.run([executable, "doctor", "--explain", "unseen", "--json"]).stdout),
      "/$defs/rules",
    );
    expectValid(
      JSON.parse(world.run([executable, "doctor", "--explain", "half-open", "--json"]).stdout),
      "/$defs/rules",
    );
    // And refuses what is not so.
    const validate = ajv.getSchema("urn:sockscope:doctor:1.0")!;
    expect(validate({ ...report, findings: [{ ...report.findings[0], severity: "bad" }] })).toBe(false);
    expect(validate({ ...report, more: 1 })).toBe(false);
  });

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
    const full = report.findings.filter(({ rule }) => rule === "unix-backlog");
    expect(full).toHaveLength(2);
    for (const { severity, values } of full)
      expect([severity, values["waiting"], values["backlog"]]).toEqual(["critical", 2, 1]);
    expect(full.map(({ title }) => title)).toContainEqual(
      expect.stringMatching(
        /^The backlog of \/.*\/full is full: 2 connections wait for bun\S* \(pid \d+\), and the queue holds 2$/,
      ),
    );
  });

  test("syn-flood: half-open connections, and SYNs answered with cookies", () => {
    const { severity, values, sockets, evidence } = found("syn-flood");
    expect([severity, values["port"], values["peers"]]).toEqual(["critical", 5004, 1]);
    expect(values["halfOpen"]).toBeGreaterThanOrEqual(8);
    expect(sockets[0]!.state).toBe("SYN-RECV");
    expect(evidence.join()).toMatch(/\d+ SYNs? found the queue full and got a cookie/);
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
    // Ports in TIME-WAIT are free for other connections on loopback.
    expect([severity, values["used"], values["available"], values["timeWait"]]).toEqual([
      "warning",
      24,
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

  test("syn-sent: compares the peer with the name on the command line", () => {
    expect(found("syn-sent", 5001).evidence.join()).toMatch(
      /^"localhost" .* resolves to 127\.0\.0\.1 now as well/,
    );
    expect(found("syn-sent", 5010).evidence.join()).toMatch(
      /^"localhost" .* resolves to .*127\.0\.0\.1.* now, not 127\.0\.0\.9: the process may use an old address$/,
    );
  });

  test("exposed-port: Redis on all addresses", () => {
    const { severity, title } = found("exposed-port", 6379);
    expect(severity).toBe("warning");
    expect(title).toMatch(/^Redis listens on TCP port 6379 of all addresses: bun/);
    expect(found("exposed-port", 7777).title).toMatch(
      /^Redis listens on TCP port 7777 of all addresses: redis-server \(pid \d+\)$/,
    );
  });

  test("not-accepting: connections that stay in the accept queue", () => {
    const { severity, values, title, sockets } = found("not-accepting", 5003);
    expect([severity, values["waiting"], values["listeners"]]).toEqual(["critical", 2, 1]);
    expect(title).toMatch(/^bun\S* \(pid \d+\) does not accept: 2 connections to port 5003 have waited/);
    expect(sockets.map(({ state }) => state)).toEqual(["LISTEN", "ESTAB", "ESTAB"]);
  });

  test("not-accepting: one of two SO_REUSEPORT listeners", () => {
    const { severity, values, evidence } = found("not-accepting", 5018);
    expect([severity, values["listeners"]]).toEqual(["warning", 2]);
    expect(evidence.join()).toMatch(/1 other listener of the port has an empty queue: SO_REUSEPORT/);
  });

  test("stopped-process: a listener of a process in state T", () => {
    const { severity, title, sockets } = foundOf("stopped-process", "stopped");
    expect([severity, sockets[0]!.local.port]).toEqual(["warning", 5014]);
    expect(title).toMatch(/ is stopped, and it has 1 listener$/);
  });

  test("deleted-executable: a listener of a program that was replaced", () => {
    const { severity, title, sockets } = foundOf("deleted-executable", "replaced");
    expect([severity, sockets[0]!.local.port]).toEqual(["warning", 5015]);
    expect(title).toMatch(/listens on port 5015, and its executable is deleted: \/.*\/replaced$/);
  });

  test("connect-timeouts: attempts that are given up early", () => {
    const { severity, title } = found("connect-timeouts", "127.0.0.10:5011");
    expect(severity).toBe("warning");
    // An attempt may end before its owner is found.
    expect(title).toMatch(
      /^Attempts to connect to 127\.0\.0\.10:5011 are given up and repeated, and none succeeds: /,
    );
  });

  test("refused-connects: 127.0.0.1 where the service listens on ::1", () => {
    const { severity, values, title, evidence } = found("refused-connects");
    expect([severity, values["local"]]).toEqual(["warning", 1]);
    expect(title).toMatch(/most of them refused by this host itself$/);
    expect(evidence).toContain("Port 5012 listens on ::1 only: clients that use 127.0.0.1 are refused");
  });

  test("path-mtu: full-size segments that get lost", () => {
    const { severity, title, sockets } = found("path-mtu");
    expect([severity, sockets.length]).toEqual(["warning", 1]);
    expect(title).toMatch(/^1 connection to 127\.0\.0\.1 hangs at a full-size segment/);
  });

  test("window-scaling: a connection without the option", () => {
    const { severity, title } = found("window-scaling");
    expect(severity).toBe("warning");
    expect(title).toMatch(/^\d connections? with 127\.0\.0\.1 (has|have) no window scaling/);
  });

  test("resolves no name without --dns", () => {
    const { findings } = doctor(world, "--for", "0s", "--rule", "syn-sent", ...small);
    const evidence = findings.flatMap((each) => each.evidence).join();
    expect(evidence).toMatch(
      /"localhost" on the command line of .* may be the name of this peer; --dns checks/,
    );
    expect(evidence).not.toContain("resolves to");
  });

  test("prints commands that a shell takes, and that run nothing else", () => {
    const folder = mkdtempSync(join(tmpdir(), "doctor-"));
    try {
      const commands = report.findings
        .flatMap(({ advice }) => advice)
        .flatMap(({ command }) => command ?? [])
        // Of those that sh has itself.
        .filter((command) => !command.startsWith("kill "));
      expect(commands.length).toBeGreaterThan(40);
      for (const command of commands) expect(command).not.toMatch(/\b(PID|PORT|ADDRESS|INODE|LOCAL\w*)\b/);
      // Every program is one that does nothing.
      const bin = join(folder, "bin");
      mkdirSync(bin);
      for (const name of new Set(commands.map((command) => command.split(" ")[0]!)))
        writeFileSync(join(bin, name), "#!/bin/sh\n", { mode: 0o755 });
      const text = report.findings
        .flatMap(({ advice }) => advice.map(({ command }) => command ?? ""))
        .join("\n");
      expect(Bun.spawnSync(["sh", "-n", "-c", text]).exitCode).toBe(0);
      for (const command of commands) {
        const { exitCode, stderr } = Bun.spawnSync(["/bin/sh", "-c", command], {
          cwd: folder,
          env: { PATH: bin },
        });
        expect([command, exitCode, stderr.toString()]).toEqual([command, 0, ""]);
      }
      expect(readdirSync(folder)).toEqual(["bin"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.skipIf(noRoot !== undefined)(
    title("dead-peer: its command closes one connection, no other", noRoot),
    () => {
      const clients = () =>
        world.run(["ss", "-Htn", "state", "established", "dport", "=", ":5013"]).stdout.trim().split("\n")
          .length;
      const [finding] = doctor(world, "--rule", "dead-peer", ...small, "dport", "=", ":5013").findings;
      const close = finding!.advice
        .flatMap(({ command }) => command ?? [])
        .find((command) => command.includes("-tK"))!;
      expect([clients(), finding!.socketCount]).toEqual([2, 2]);
      const { stderr, exit } = world.run(["sh", "-c", close.replace(/^sockscope/, executable)]);
      expect([stderr, exit]).toEqual(["", 0]);
      expect(clients()).toBe(1);
    },
  );

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
    const { severity, values } = foundOf("descriptors", `near-${world.pid}`);
    expect([severity, values["open"], values["limit"]]).toEqual(["warning", 9, 10]);
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
      expect.stringMatching(/dropped \d+ datagrams since they were opened/),
    ]);
  });

  test("looks only at what options and filter select", () => {
    const rulesOf = (...args: string[]) =>
      [
        ...new Set(
          doctor(world, "--for", "0s", ...small, ...set("not-accepting.age=1h"), ...args).findings.map(
            ({ rule }) => rule,
          ),
        ),
      ].sort();
    const mine = (rules: string[]) => rules.filter((rule) => !hostWide.has(rule));
    expect(mine(rulesOf("-x"))).toEqual(["unix-backlog"]);
    expect(mine(rulesOf("sport", "=", ":5003"))).toEqual(["accept-queue"]);
    expect(mine(rulesOf("-t", "state", "close-wait"))).toEqual(["close-wait"]);
  });

  test("sets the exit status with --fail-on", () => {
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
      /^warning: Redis listens on TCP port 6379 of all addresses: bun\S* \(pid \d+\) \[exposed-port\]\n/m,
    );
    expect(stdout).toMatch(
      /^ {2}tcp +LISTEN 0 +64 +0\.0\.0\.0:6379 .*users:\(\("bun[^"]*",pid=\d+,fd=\d+\)\)/m,
    );
    expect(stdout).toMatch(/^ {2}Why: Whoever can reach the address/m);
    expect(stdout).toMatch(/^3 findings \(2 warning, 1 info\): 1 rule on \d+ sockets, one sample\n$/m);
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
    expect(here.map(({ rule }) => rule).sort()).toEqual(["accept-queue", "unix-backlog", "unix-backlog"]);
    // Commands enter the namespace, which has no name.
    for (const { advice } of here)
      for (const { command = "" } of advice)
        if (/\b(ss|sockscope|nstat|sysctl) /.test(command))
          expect(command).toMatch(/^nsenter -t \d+ -n -- (ss|sockscope|nstat|sysctl) /);
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
        expect.stringMatching(/^The descriptors of \d+ process(es)? could not be read/),
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
  });
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

  test("finds refused hosts, and nothing where they are let in", async () => {
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
          /^\d+ connection attempts of other hosts may have been refused in .* and \d+ services listen on loopback only$/,
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
  });
});

describe.skipIf(noRoot !== undefined)(title("doctor --watch", noRoot), () => {
  /** The lines of a stream as they come. */
  async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
    let text = "";
    for await (const bytes of stream) {
      text += new TextDecoder().decode(bytes);
      const lines = text.split("\n");
      text = lines.pop()!;
      yield* lines;
    }
  }

  /** Runs the doctor in a world while a MySQL listens on all addresses and then ends. @returns what it printed */
  async function watched(world: World, ...args: string[]): Promise<{ lines: string[]; status: number }> {
    const inside = ["nsenter", "--target", `${world.pid}`, "--net", "--"];
    const service = `Bun.listen({ hostname: "0.0.0.0", port: 3306, socket: { data() {} } }); await Bun.stdin.bytes(); process.exit();`;
    const options = ["--watch", "--for", "200ms", "--rule", "exposed-port"];
    const doctor = Bun.spawn([...inside, executable, "doctor", ...options, ...args], { stdout: "pipe" });
    const mysql = Bun.spawn([...inside, process.execPath, "-e", service], { stdin: "pipe" });
    const lines: string[] = [];
    for await (const line of linesOf(doctor.stdout)) {
      lines.push(line);
      if (line.includes("appeared")) mysql.stdin.end();
      if (line.includes("cleared")) doctor.kill("SIGINT");
    }
    const status = await doctor.exited;
    mysql.kill();
    return { lines, status };
  }

  test("shows what appears and what clears, until it is interrupted", async () => {
    await using world = await startWorld("doctor-world.ts", ["healthy"]);
    const { lines, status } = await watched(world);
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d appeared: warning: MySQL listens on TCP port 3306 of all addresses: /,
    );
    expect(lines.at(-1)).toMatch(
      /^\d\d:\d\d:\d\d cleared after [\d.]+ m?s: warning: MySQL listens .* \[exposed-port\]$/,
    );
    expect(status).toBe(130);
  });

  test("prints a JSON object for each change", async () => {
    await using world = await startWorld("doctor-world.ts", ["healthy"]);
    const { lines } = await watched(world, "--json");
    const events = lines.map((line) => JSON.parse(line));
    for (const event of events) expectValid(event, "/$defs/event");
    expect(events.map(({ event, finding }) => [event, finding.rule])).toEqual([
      ["appeared", "exposed-port"],
      ["cleared", "exposed-port"],
    ]);
    expect(events[1].since).toBe(events[0].since);
    expect(events[1].finding).toEqual(events[0].finding);
  });

  test("ends with --fail-on at the first such finding", async () => {
    await using world = await startWorld("doctor-world.ts", ["healthy"]);
    const { lines, status } = await watched(world, "--json", "--fail-on", "warning");
    expect([lines.length, status]).toEqual([1, 2]);
  });

  test("needs live sockets, and time between samples", async () => {
    await using world = await startWorld("doctor-world.ts", ["healthy"]);
    const folder = mkdtempSync(join(tmpdir(), "doctor-"));
    const refused = [
      ["--for", "0s"],
      ["--record", join(folder, "recording")],
    ];
    for (const args of refused) {
      const { stderr, exit } = world.run([executable, "doctor", "--watch", ...args]);
      expect([stderr, exit]).toEqual([expect.stringMatching(/^sockscope: --watch needs [^\n]*\n$/), 255]);
    }
    rmSync(folder, { recursive: true });
  });
});

describe("files that cannot be set in a namespace", () => {
  /** Runs one rule with files below another /proc. */
  function withFiles(rule: string, files: Readonly<Record<string, string>>): Found[] {
    const folder = mkdtempSync(join(tmpdir(), "doctor-"));
    try {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(join(folder, path, ".."), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const { stdout } = Bun.spawnSync([executable, "doctor", "--json", "--for", "0s", "--rule", rule], {
        env: { ...process.env, PROC_ROOT: folder },
      });
      return [...(JSON.parse(stdout.toString()) as Report).findings];
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  const tracking = (count: number) => ({
    "sys/net/netfilter/nf_conntrack_count": `${count}\n`,
    "sys/net/netfilter/nf_conntrack_max": "262144\n",
  });
  const memory = (pages: number) => ({
    "sys/net/ipv4/tcp_mem": "190000\t250000\t380000\n",
    "net/sockstat": `sockets: used 9\nTCP: inuse 9 orphan 0 tw 3 alloc 9 mem ${pages}\n`,
  });

  test.each([
    ["conntrack", tracking(250_000), ["critical"]],
    ["conntrack", tracking(1000), []],
    ["tcp-memory", memory(240_000), ["warning"]],
    ["tcp-memory", memory(370_000), ["critical"]],
    ["tcp-memory", memory(1000), []],
  ])("%s with %p", (rule, files, severities) => {
    expect(withFiles(rule, files).map(({ severity }) => severity)).toEqual(severities);
  });
});
