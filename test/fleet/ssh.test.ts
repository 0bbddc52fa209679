/** Asks hosts over a stand-in for ssh that starts the real agent over recordings, or fails as the host's name says. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const fixtures = join(import.meta.dirname, "../fixtures");

let folder: string;

beforeAll(() => {
  if (!existsSync(executable)) throw new Error("dist/sockscope is not built: npm run build");
  folder = mkdtempSync(join(tmpdir(), "sockscope-fleet-"));
  copyFileSync(join(import.meta.dirname, "ssh-stand-in.sh"), join(folder, "ssh"));
  chmodSync(join(folder, "ssh"), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

async function run(recording: string, ...args: readonly string[]): Promise<Finished> {
  const child = Bun.spawn([executable, ...args], {
    env: {
      PATH: `${folder}:${process.env["PATH"]}`,
      AGENT: executable,
      RECORDING: join(fixtures, recording),
      TOGETHER: join(folder, "together"),
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, status: await child.exited };
}

/** Runs a listing here, on the recording. */
function local(recording: string, ...args: readonly string[]): Promise<Finished> {
  return run(recording, "--replay", join(fixtures, recording), ...args);
}

describe("one host", () => {
  test.each([
    ["mixed-500", "-tan"],
    ["mixed-500", "-a"],
    ["mixed-500", "-tane -i -m -o"],
    ["mixed-500", "-xan"],
    ["mixed-500", "-tanO --info"],
    ["mixed-500", "-Htan state established"],
    ["mixed-500", "-tan --sort -recvq --top 5"],
    ["owners", "-tlnp"],
    ["packet", "-0 -e"],
    ["filters", "-tan ( sport = :22 or dport = :443 )"],
  ])("%s %s prints ss's table with the host in front", async (recording, line) => {
    const args = line.split(" ");
    const [there, here] = await Promise.all([
      run(recording, "--host", "web1", ...args),
      local(recording, ...args),
    ]);
    expect(there.stderr).toBe(here.stderr);
    expect(there.status).toBe(here.status);
    // Lines of details begin with a tab, and have no host.
    const stripped = there.stdout.replace(/^(?:web1|Host) /gm, "");
    expect(stripped).toBe(here.stdout);
    expect(there.stdout).toMatch(/^(?:Host|web1) /);
  });

  test.each(["--columns local,peer,state,rtt", "--by state,peer.port", "--by state --sort state --top 2"])(
    "-tani %s prints the same values",
    async (view) => {
      const args = ["-tani", ...view.split(" ")];
      const [there, here] = await Promise.all([
        run("mixed-500", "--host", "web1", ...args),
        local("mixed-500", ...args),
      ]);
      const stripped = there.stdout.replace(/^(?:web1|host) /gm, "");
      expect(stripped).toBe(here.stdout);
    },
  );

  test("--json is the same, with the host first", async () => {
    const [there, here] = await Promise.all([
      run("mixed-500", "--host", "web1", "-tanei", "--json"),
      local("mixed-500", "-tanei", "--json"),
    ]);
    const rows = JSON.parse(there.stdout) as Record<string, unknown>[];
    expect(rows.map(({ host, ...row }) => row)).toEqual(JSON.parse(here.stdout));
    expect(rows.every(({ host }) => host === "web1")).toBe(true);
    expect(Object.keys(rows[0]!)[0]).toBe("host");
  });

  test("what its shell prints before the agent is skipped", async () => {
    const { stdout, status } = await run("owners", "--host", "greets1", "-tln");
    expect([stdout.split("\n").length, status]).toEqual([5, 0]);
  });
});

describe("many hosts", () => {
  test("groups are added up over the hosts, or per host", async () => {
    const one = JSON.parse(
      (await run("mixed-500", "--host", "web1", "-tan", "--by", "state", "--json")).stdout,
    );
    const three = JSON.parse(
      (await run("mixed-500", "--host", "web[1-3]", "-tan", "--by", "state", "--json")).stdout,
    );
    const times3 = (group: { count: number; sum: Record<string, number> }) => ({
      ...group,
      count: group.count * 3,
      ...(group.sum && {
        sum: Object.fromEntries(Object.entries(group.sum).map(([key, sum]) => [key, sum * 3])),
      }),
    });
    expect(three).toEqual(one.map(times3));
    const { stdout } = await run("mixed-500", "--host", "web[1-3]", "-tan", "--by", "host,state", "--ndjson");
    const groups = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(groups).toHaveLength(3 * one.length);
    expect(new Set(groups.map(({ by }) => by.host))).toEqual(new Set(["web1", "web2", "web3"]));
    const alone = await run("mixed-500", "--host", "web[1-2]", "-tan", "--by", "host", "--csv");
    expect(alone.stdout.split("\n")[0]).toMatch(/^by\.host,count,/);
  });

  test("--sort and --top are of all hosts together", async () => {
    const columns = ["-tan", "--columns", "recvq,host", "--sort", "-recvq,host", "--csv"];
    const all = await run("mixed-500", "--host", "db1,web1", ...columns);
    const rows = all.stdout.trim().split("\r\n").slice(1);
    const sorted = rows.toSorted((a, b) => Number(b.split(",")[0]) - Number(a.split(",")[0]));
    expect(rows.map((row) => Number(row.split(",")[0]))).toEqual(
      sorted.map((row) => Number(row.split(",")[0])),
    );
    const top = await run("mixed-500", "--host", "db1,web1", ...columns, "--top", "5");
    expect(top.stdout.trim().split("\r\n").slice(1)).toEqual(rows.slice(0, 5));
    expect(rows.slice(0, 2).map((row) => row.split(",")[1])).toEqual(["db1", "web1"]);
  });

  test("--fold shows equal answers once", async () => {
    const { stdout } = await run("owners", "--host", "web[1-3],db1", "--fold", "-Htln", "sport = :22");
    expect(stdout).toMatch(/^web\[1-3\],db1 LISTEN /);
    expect(stdout.trim().split("\n")).toHaveLength(1);
  });

  test("doctor, history's summary and -s come in sections, or as objects", async () => {
    const text = await run("mixed-500", "--host", "web[1-2]", "-s", "--fold");
    expect(text.stdout).toMatch(/^web\[1-2\]:\nTotal: \d+\n/);
    const json = await run("tcp-states", "doctor", "--host", "web[1-2]", "--json");
    const reports = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [between, ...own] = reports.toReversed();
    expect(own.map(({ host }) => host).sort()).toEqual(["web1", "web2"]);
    expect(own.every(({ findings }) => Array.isArray(findings))).toBe(true);
    expect(Array.isArray(between.between)).toBe(true);
  });
});

test("doctor reports the clock that is wrong", async () => {
  const doctor = ["doctor", "--host", "web1,skewed1"];
  const [text, json] = await Promise.all([
    run("tcp-states", ...doctor),
    run("tcp-states", ...doctor, "--json"),
  ]);
  expect(text.stdout).toMatch(
    /^The clock of skewed1 is (?:89|90)(?:\.\d+)? s ahead of ours \(± \d\.\d+ s\)\.$/m,
  );
  expect(text.stdout).not.toContain("The clock of web1");
  const { clocks } = JSON.parse(json.stdout.trim().split("\n").at(-1)!);
  const { aheadMs, errorMs } = clocks.find(({ host }: { host: string }) => host === "skewed1");
  expect(Math.abs(aheadMs - 90_000)).toBeLessThanOrEqual(errorMs + 1);
});

describe("hosts that fail", () => {
  test("are named with the reason", async () => {
    const { stdout, stderr, status } = await run(
      "owners",
      "--host",
      "web1,dead1,refused[1-2],unknown1,absent1,password1,older1,garbage1,wider1,cut1,endless1",
      "-Htln",
      "sport = :22",
    );
    expect(stdout).toMatch(/^web1 LISTEN /);
    expect(stderr.split("\n")).toEqual([
      "sockscope: 11 of 12 hosts did not answer:",
      "  dead1: Connection timed out",
      "  refused[1-2]: Connection refused",
      "  unknown1: Host key verification failed.",
      "  absent1: sockscope is not installed there",
      "  password1: sudo: a password is required",
      "  older1: its sockscope 0.0.9 speaks protocol 0, and this one 1",
      "  garbage1: its answer is malformed: a line that is not JSON",
      "  wider1: its answer is malformed: a row of another shape",
      "  cut1: the connection ended before the answer",
      "  endless1: its answer is malformed: a line that is too long",
      "",
    ]);
    expect(status).toBe(1);
  });

  test("a hundred that do not connect wait together, and hold up no host that answers", async () => {
    const hosts = "together[1-100],web[1-40]";
    const { stdout, stderr } = await run("owners", "--host", hosts, "-tln", "--by", "host", "--csv");
    expect(stdout.match(/^web\d+,/gm)).toHaveLength(40);
    expect(stderr).toBe(
      "sockscope: 100 of 140 hosts did not answer:\n  together[1-100]: Connection timed out\n",
    );
  });

  test("one that stops in its answer does not hold up the others", async () => {
    const { stdout, stderr } = await run("owners", "--host", "stuck1,web1", "--host-timeout", "10", "-Htln");
    expect(stdout).toMatch(/^web1 /);
    expect(stderr).toContain("stuck1: no whole answer within 10 s");
  });

  test("no host speaks in the name of another one", async () => {
    const { stdout } = await run("owners", "--host", "speaks1", "-tan", "--ndjson");
    expect(stdout).toBe('{"host":"speaks1","state":"ESTAB"}\n');
  });

  test("nothing that one sends reaches the output as a control character, or as a row of another host", async () => {
    const { stdout, stderr } = await run("owners", "--host", "escapes1", "-xan");
    expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
    expect(stdout.split("\n").map((line) => line.split(" ")[0])).toEqual(["Host", "escapes1", "\tmore", ""]);
    expect(stderr).toBe("sockscope: escapes1: \\x1b[2Jcleared\n");
  });
});

describe("the command line", () => {
  test("ssh never prompts, accepts no unknown key, forwards nothing, and takes no option from a name", async () => {
    const { stderr } = await run("owners", "--host", "options1", "--sudo", "-t");
    expect(stderr).toContain(
      "options1: sudo -n sockscope agent --stdio | BatchMode yes,StrictHostKeyChecking yes,",
    );
    expect(stderr).toContain(",ClearAllForwardings yes,ForwardAgent no,ForwardX11 no,PermitLocalCommand no,");
    const refused = await run("owners", "--host", "web1,-oProxyCommand=touch /tmp/x", "-t");
    expect(refused.stderr).toBe('sockscope: "-oProxyCommand=touch" cannot be the name of a host\n');
    expect(refused.status).toBe(255);
  });

  test("only events are followed for longer than --host-timeout", async () => {
    const budgetOf = async (...args: string[]) => {
      const { stderr } = await run("owners", ...args, "--host", "questions1", "--host-timeout", "7");
      return Number(/"budgetMs":(\d+)/.exec(stderr)?.[1]);
    };
    expect(await budgetOf("-t")).toBe(7000);
    // As long as a timer can be.
    expect(await budgetOf("events", "-t")).toBe(2 ** 31 - 1);
  });

  test.each([
    [["--host", "web1", "-K", "-t"], "sockscope: --kill cannot be combined with --host\n"],
    [["--host", "web1", "--record", "x"], "sockscope: --record cannot be combined with --host\n"],
    [["--host", "", "-t"], "sockscope: no host is named\n"],
    [["--hosts-file", "/nonexistent", "-t"], "sockscope: cannot read the hosts: No such file or directory\n"],
    [
      ["--host", "web1", "--columns", "bogus"],
      'sockscope: unknown column "bogus": --columns help lists them\n',
    ],
    [["top", "--host", "web1"], "sockscope: top does not accept --host\n"],
  ])("%j is refused here", async (args, message) => {
    const { stdout, stderr, status } = await run("owners", ...args);
    expect([stdout, stderr, status]).toEqual(["", message, 255]);
  });

  test("a filter file is read here", async () => {
    const file = join(folder, "filter");
    await Bun.write(file, "sport = :22\n");
    const { stdout } = await run("owners", "--host", "web1", "-Htln", "-F", file);
    expect(stdout.trim().split("\n")).toHaveLength(1);
  });

  test("hosts come from a file, too", async () => {
    const file = join(folder, "hosts");
    await Bun.write(file, "# the web\nweb[1-2]\ndb1 # the database\n");
    const { stdout } = await run("owners", "--hosts-file", file, "-tln", "--by", "host", "--csv");
    expect(stdout.match(/^\w+,/gm)).toHaveLength(3);
  });
});

describe("the agent", () => {
  function agent(question: object | string): Finished {
    const text = typeof question === "string" ? question : JSON.stringify(question);
    const { stdout, stderr, exitCode } = Bun.spawnSync([executable, "agent", "--stdio"], {
      stdin: new TextEncoder().encode(`${text}\n`),
    });
    return { stdout: stdout.toString(), stderr: stderr.toString(), status: exitCode };
  }
  const question = { protocol: 1, args: ["--tcp"], words: [], form: "rows", maxRows: 10, budgetMs: 5000 };

  test.each([
    ["--kill", "--kill-all"],
    ["--record=/tmp/sockscope-never"],
    ["--diag=/tmp/sockscope-never"],
    ["--replay=/etc/passwd"],
    ["--filter=/etc/passwd"],
    ["--store=/"],
    ["--events"],
  ])("refuses %s", (...args) => {
    const { stdout } = agent({ ...question, args });
    const frames = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(frames.find(({ note }) => note).note).toMatch(/cannot be sent to another host/);
    expect(frames.at(-1).end.status).toBe(255);
    expect(frames.some(({ rows }) => rows !== undefined)).toBe(false);
    expect(existsSync("/tmp/sockscope-never")).toBe(false);
  });

  test.each(["top", "record", "netstat", "agent"])("does not run %s", (command) => {
    const { stdout } = agent({ ...question, args: [command], form: "output" });
    expect(JSON.parse(stdout.trim().split("\n").at(-1)!).end.status).not.toBe(0);
  });

  test("sends at most the rows that the question allows, and says so", () => {
    const { stdout } = agent({ ...question, args: ["--all"], maxRows: 1 });
    const frames = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(frames.flatMap(({ rows = [] }) => rows)).toHaveLength(1);
    expect(frames.at(-1)).toEqual({ end: { status: 1, cut: "rows" } });
  });

  test.each([
    "",
    "{}",
    "[]",
    "nonsense",
    JSON.stringify({ ...question, protocol: 9 }),
    JSON.stringify({ ...question, args: [1] }),
  ])("%s ends it without an answer", (text) => {
    const { stdout, status } = agent(text);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(status).toBe(text === "" ? 0 : 255);
  });
});
