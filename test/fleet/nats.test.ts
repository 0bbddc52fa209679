/** Queries of a fleet over a real nats-server: the executable as the client, the real agent over recordings. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headers } from "@nats-io/transport-node";
import { cpuAllowance } from "../../src/fleet/allowance.ts";
import { collect } from "../../src/fleet/nats/collect.ts";
import { type Broker, connectBroker } from "../../src/fleet/nats/connect.ts";
import { writeReply } from "../../src/fleet/nats/messages.ts";
import { readTrusted } from "../../src/fleet/nats/nkey.ts";
import { writeQuery } from "../../src/fleet/nats/query.ts";
import { makeRoster, readRoster, register } from "../../src/fleet/nats/roster.ts";
import { queryAll, queryOne, replyFrom } from "../../src/fleet/nats/subjects.ts";
import { PROTOCOL } from "../../src/fleet/protocol.ts";
import { liveHost } from "../../src/host/live.ts";
import { replayHost } from "../../src/replay/host.ts";
import {
  playedHost,
  serverSockets,
  startTestAgent,
  type TestAgent,
  type TestAgentOptions,
} from "./nats-agents.ts";
import { freePort, natsServer, type RunningNatsServer, startNatsServer } from "./nats-server.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const fixtures = join(import.meta.dirname, "../fixtures");

interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  /** The most memory that it took, in MiB. */
  readonly peakMiB: number;
}

async function run(...args: readonly string[]): Promise<Finished> {
  const child = Bun.spawn([executable, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"] ?? "" },
  });
  // Not its maxRSS: that begins with the memory of the process that has started it.
  let peakMiB = 0;
  const sampled = setInterval(() => {
    try {
      const [, kib] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
      peakMiB = Math.max(peakMiB, Number(kib ?? 0) / 1024);
    } catch {
      // It has ended.
    }
  }, 5);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const status = await child.exited;
  clearInterval(sampled);
  return { stdout, stderr, status, peakMiB };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error("timed out");
    await Bun.sleep(10);
  }
}

/** A server with agents. */
interface TestFleet extends AsyncDisposable {
  readonly server: RunningNatsServer;
  readonly agents: readonly TestAgent[];
  /** A connection that may do everything. */
  readonly broker: Broker;
  query(...args: readonly string[]): Promise<Finished>;
}

type AgentSketch = Omit<TestAgentOptions, "url">;

/** Starts a server and agents, which are on its roster when this returns. */
async function fleetOf(...sketches: readonly AgentSketch[]): Promise<TestFleet> {
  const server = await startNatsServer();
  const broker = await connectBroker({ url: server.url, files: {}, name: "test" });
  await makeRoster(broker.connection);
  const agents = await Promise.all(sketches.map((sketch) => startTestAgent({ url: server.url, ...sketch })));
  await until(async () => (await readRoster(broker.connection))?.length === sketches.length);
  return {
    server,
    agents,
    broker,
    query: (...args) => run(...args, "--fleet", server.url),
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent[Symbol.asyncDispose]();
      await broker.connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const recorded = (name: string, fixture: string): AgentSketch => ({
  name,
  host: replayHost(join(fixtures, fixture), liveHost().files),
});
const played = (name: string, sockets: number, more: Partial<AgentSketch> = {}): AgentSketch => ({
  name,
  host: playedHost(serverSockets(sockets)),
  ...more,
});

beforeAll(() => {
  if (!existsSync(executable)) throw new Error("dist/sockscope is not built: npm run build");
});

describe.skipIf(natsServer === undefined)("answers", () => {
  let fleet: TestFleet;
  beforeAll(async () => {
    fleet = await fleetOf(
      recorded("data", "mixed-500"),
      recorded("web1.example", "owners"),
      recorded("web2.example", "owners"),
    );
  });
  afterAll(() => fleet[Symbol.asyncDispose]());

  test.each([
    "-tan",
    "-tanOi",
    "-xan",
    "-tanie --json",
    "-tan --columns local,peer,state,rtt",
    "-tan --by state,peer.port",
    "-tan --sort -recvq --top 5",
    "-Htan state established",
    "-tan ( sport = :22 or dport = :443 )",
  ])("%s of one host is what it prints itself, with the host in front", async (line) => {
    const args = line.split(" ");
    const [there, here] = await Promise.all([
      fleet.query(...args, "--host", "data"),
      run("--replay", join(fixtures, "mixed-500"), ...args),
    ]);
    expect([there.stderr, there.status]).toEqual([here.stderr, here.status]);
    const stripped = line.includes("--json")
      ? JSON.stringify(JSON.parse(there.stdout).map(({ host, ...row }: { host: string }) => row))
      : there.stdout.replace(/^(?:data|[Hh]ost) /gm, "");
    expect(stripped).toBe(line.includes("--json") ? JSON.stringify(JSON.parse(here.stdout)) : here.stdout);
    if (!line.includes("--by")) expect(there.stdout).not.toBe(here.stdout);
  });

  test("of all hosts come in the order of their names", async () => {
    const { stdout, status } = await fleet.query("-tln", "--columns", "host,local", "--csv");
    const hosts = stdout
      .trim()
      .split("\r\n")
      .slice(1)
      .map((row) => row.split(",")[0]!);
    expect(hosts).toEqual(hosts.toSorted());
    expect(new Set(hosts)).toEqual(new Set(["data", "web1.example", "web2.example"]));
    expect(status).toBe(0);
  });

  test("are grouped, sorted and folded over the hosts", async () => {
    const groups = await fleet.query("-tln", "--by", "host", "--ndjson");
    const counts = groups.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(counts.map(({ by, count }) => [by.host, count])).toEqual([
      ["data", 33],
      ["web1.example", 3],
      ["web2.example", 3],
    ]);
    const folded = await fleet.query("-Htln", "--fold", "sport = :22");
    expect(folded.stdout).toMatch(/^web\[1-2\]\.example LISTEN /m);
    const summary = await fleet.query("-s", "--fold");
    expect(summary.stdout).toMatch(/^data,web\[1-2\]\.example:\nTotal: \d+\n/);
  });

  test("of doctor and map", async () => {
    const doctor = await run("doctor", "--fleet", fleet.server.url, "--for", "0s", "--fold");
    expect(doctor.stdout).toMatch(/^web\[1-2\]\.example:$/m);
    expect(doctor.stderr).toBe("");
    const map = await run("map", "--fleet", fleet.server.url, "--host", "data");
    expect(map.stdout).toMatch(/^Client +Service +Port/);
    expect(map.stdout).toMatch(/^data /m);
  });

  test("of hosts that are down, or were never there, are missing by name", async () => {
    await register(fleet.broker.connection, "web3=2Eexample", { version: "1.0.0", instance: "x" });
    await register(fleet.broker.connection, "web4=2Eexample", { version: "1.0.0", instance: "x" });
    const { stderr, stdout, status } = await fleet.query("-tln");
    expect(stderr).toBe(
      "sockscope: 2 of 5 hosts did not answer:\n  web[3-4].example: its agent is not connected\n",
    );
    expect([stdout.split("\n").length > 36, status]).toEqual([true, 1]);
    // Who is taken off the roster is not missing.
    const deleted = headers();
    deleted.set("KV-Operation", "DEL");
    for (const token of ["web3=2Eexample", "web4=2Eexample"])
      await fleet.broker.connection.request(`$KV.sockscope-hosts.${token}`, "", {
        headers: deleted,
        timeout: 2000,
      });
    expect(await fleet.query("-tln")).toMatchObject({ stderr: "", status: 0 });
    const named = await fleet.query("-tln", "--host", "nowhere");
    expect(named.stderr).toContain("nowhere: its agent is not connected");
  });

  test.each([
    ["--net=x", "cannot be sent"],
    ["--host=evil", "a host does not ask others"],
    ["--hosts-file=/etc/shadow", "a host does not ask others"],
    ["--fleet=evil", "a host does not ask others"],
    ["--nats-nkey=/etc/shadow", "a host does not ask others"],
    ["--kill", "closed on the host itself"],
    ["--record=/tmp/x", "writes a folder"],
  ])("with %s are refused by the agent itself", async (option, why) => {
    for (const args of [[option], ["doctor", option]] as const) {
      const notes: string[] = [];
      const [outcome] = await collect(
        fleet.broker,
        ["data"],
        {
          protocol: PROTOCOL,
          args,
          words: [],
          form: args.length === 1 ? "rows" : "output",
          maxRows: 10,
          budgetMs: 5000,
        },
        (_, frame) => void notes.push("note" in frame ? frame.note : "other"),
        {
          key: undefined,
          toAll: false,
          deadlineMs: 5000,
          interrupted: new AbortController().signal,
          now: Date.now,
        },
      );
      expect(outcome!.end?.status).toBe(255);
      if (args.length === 1) expect(notes.join("")).toContain(why);
      else expect(notes.join("")).toMatch(/cannot be sent|does not accept/);
    }
  });

  test("commands that are not for others are refused, and so is a history that writes", async () => {
    for (const command of ["events", "record", "serve", "top", "agent", "lsof"]) {
      const { stdout, stderr } = await raw(fleet, [command]);
      expect([stdout, stderr]).toEqual(["", `"${command}" cannot be sent to another host\n`]);
    }
    const folder = join(tmpdir(), `sockscope-export-${process.pid}`);
    expect((await raw(fleet, ["history", "--at=-1h"], ["export", folder])).stderr).toContain(
      "cannot be sent",
    );
    expect(existsSync(folder)).toBe(false);
  });
});

/** What one agent prints for a question that no client would send. */
async function raw(fleet: TestFleet, args: readonly string[], words: readonly string[] = []) {
  const found = { stdout: "", stderr: "" };
  await collect(
    fleet.broker,
    ["data"],
    { protocol: PROTOCOL, args, words, form: "output", maxRows: 10, budgetMs: 5000 },
    (_, frame) => {
      if ("output" in frame) found.stdout += frame.output;
      if ("note" in frame) found.stderr += frame.note;
    },
    {
      key: undefined,
      toAll: false,
      deadlineMs: 5000,
      interrupted: new AbortController().signal,
      now: Date.now,
    },
  );
  return found;
}

describe.skipIf(natsServer === undefined)("who may query", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sockscope-keys-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("agents with --trust answer only questions that --sign-key signs", async () => {
    const key = join(folder, "me.nk");
    const made = await run("agent", "--make-key", key);
    expect(made.stdout).toMatch(/^U[A-Z2-7]{55}\n$/);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect((await run("agent", "--make-key", key)).stderr).toContain("File exists");
    const other = join(folder, "other.nk");
    await run("agent", "--make-key", other);
    await using fleet = await fleetOf(played("web1", 10, { trusted: readTrusted(made.stdout) }));
    expect(await fleet.query("-tln", "--sign-key", key)).toMatchObject({ stderr: "", status: 0 });
    expect((await fleet.query("-tln")).stderr).toContain("web1: the question is not signed");
    expect((await fleet.query("-tln", "--sign-key", other)).stderr).toContain("a key that is not trusted");
    // A recorded question is not answered again.
    const seen: Uint8Array[] = [];
    fleet.broker.connection.subscribe(queryAll, { callback: (_, { data }) => void seen.push(data.slice()) });
    await fleet.broker.connection.flush();
    await fleet.query("-tln", "--sign-key", key);
    await until(() => seen.length === 1);
    const { errors } = fleet.agents[0]!.agent.stats.all;
    fleet.broker.connection.publish(queryAll, seen[0]!);
    await until(() => fleet.agents[0]!.agent.stats.all.errors === errors + 1);
    expect(fleet.agents[0]!.agent.stats.all.lastError).toBe("the question was answered before");
  });

  test("files that cannot be used are said in one line", async () => {
    const wrong = join(folder, "wrong");
    writeFileSync(wrong, "\u001b[31mnothing\n");
    for (const [args, message] of [
      [["-tln", "--sign-key", wrong], "no line is the seed of a key"],
      [["-tln", "--sign-key", join(folder, "none")], "No such file or directory"],
      [["-tln", "--nats-nkey", wrong], "no seed of an NKey"],
      [["-tln", "--nats-login", wrong, "--nats-nkey", wrong], "use one of"],
    ] as const) {
      const { stderr, status } = await run(...args, "--fleet", "nats://127.0.0.1:1");
      expect([stderr.split("\n").length, status > 0]).toEqual([2, true]);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain("\u001b");
    }
    const agent = await run("agent", "--nats", "nats://127.0.0.1:1", "--trust", wrong);
    expect([agent.stderr.includes("line 1 is not a public key"), agent.status]).toEqual([true, 255]);
    expect((await run("-tln", "--fleet", "nats://me:secret@127.0.0.1")).stderr).not.toContain("secret");
    expect(await run("-tln", "--fleet", "nats://127.0.0.1:1")).toMatchObject({
      stderr: "sockscope: nats://127.0.0.1:1: connection refused\n",
      status: 1,
    });
  });

  test("a question that is too long, and a host that cannot be one, are refused in one line", async () => {
    await using fleet = await fleetOf(played("web1", 10));
    const filter = join(folder, "filter");
    writeFileSync(filter, `${"sport = 1 or ".repeat(50_000)} sport = 2\n`);
    expect(await fleet.query("-tan", "-F", filter)).toMatchObject({
      stderr: "sockscope: 1 of 1 hosts did not answer:\n  web1: the question is too long\n",
      status: 1,
    });
    expect((await fleet.query("-tan", "--host", "[::1]")).stderr).toBe(
      'sockscope: "[::1]" cannot be the name of a host in a fleet\n',
    );
  });

  test("a client that may not query fails at once", async () => {
    await using server = await startNatsServer({
      config: 'authorization { users: [ { user: a, password: b, permissions: { publish: "$SRV.>" } } ] }',
    });
    const login = join(folder, "login");
    writeFileSync(login, "a:b\n");
    const { stderr, status } = await run(
      "-tln",
      "--fleet",
      server.url,
      "--nats-login",
      login,
      "--host",
      "web1",
    );
    expect(stderr).toContain("the server does not allow publish of sockscope.v1.query.web1");
    expect(stderr).toContain("web1: the server does not allow the question");
    expect(status).toBe(1);
  });
});

describe.skipIf(natsServer === undefined)("limits", () => {
  test("the agent's own hold, whatever the question says", async () => {
    const clock = { used: 0 };
    await using fleet = await fleetOf(
      played("few", 100, { maxRows: 7 }),
      played("spent", 5000, {
        allowance: cpuAllowance(
          0.1,
          () => 0,
          // Each look at the clock costs a second.
          () => {
            clock.used += 1000;
            return clock.used;
          },
        ),
      }),
    );
    const { stdout, stderr, status } = await fleet.query("-Htan");
    expect(stdout.match(/^few /gm)).toHaveLength(7);
    expect(stderr).toContain("few: the answer was cut at the most rows that it may have");
    expect(stderr).toContain("spent: the answer was cut at the agent's limit of processor time");
    expect(status).toBe(1);
    expect((await fleet.query("-Htan", "--host", "spent")).stderr).toContain(
      "spent: it has used up its processor time",
    );
  });

  test("an agent that works on too many questions says that it is busy", async () => {
    const ending = Promise.withResolvers<void>();
    await using fleet = await fleetOf(
      played("web1", 1, { change: (options) => ({ ...options, answer: () => ending.promise }) }),
    );
    const { connection } = fleet.broker;
    const refused: string[] = [];
    connection.subscribe(replyFrom("web1", "*"), {
      callback: (_, { data }) => {
        const text = new TextDecoder().decode(data);
        if (text.includes("refused")) refused.push(JSON.parse(text).refused);
      },
    });
    for (let number = 0; number < 70; number++)
      connection.publish(
        queryOne("web1"),
        writeQuery(
          {
            id: String(number).padStart(22, "A"),
            issuedMs: Date.now(),
            expiresMs: Date.now() + 10_000,
            inlineBytes: 0,
            question: { protocol: PROTOCOL, args: [], words: [], form: "rows", maxRows: 1, budgetMs: 1000 },
          },
          undefined,
        ),
      );
    await until(() => refused.length === 2);
    expect(refused).toEqual(["it is busy", "it is busy"]);
    ending.resolve();
  });

  test("of an agent over ssh, too", async () => {
    const child = Bun.spawn(
      [executable, "agent", "--stdio", "--max-cpu", "0.001", "--replay", join(fixtures, "mixed-500")],
      { stdin: "pipe", stdout: "pipe" },
    );
    const question = { protocol: PROTOCOL, args: ["--tcp", "--all"], words: [], form: "rows" };
    child.stdin.write(`${JSON.stringify({ ...question, maxRows: 1e6, budgetMs: 30_000 })}\n`);
    child.stdin.end();
    expect(await child.stdout.text()).toContain('{"end":{"status":1,"cut":"cpu"}}');
  });
});

describe.skipIf(natsServer === undefined)("the service", () => {
  test("answers $SRV.PING, INFO and STATS as ADR-32 has it", async () => {
    await using fleet = await fleetOf(played("web1.example", 3), played("web2.example", 3));
    const { connection } = fleet.broker;
    const ask = async (subject: string) => {
      const answers: Record<string, unknown>[] = [];
      const found = await connection.requestMany(subject, "", {
        strategy: "stall",
        maxWait: 2000,
        stall: 200,
      });
      for await (const message of found) answers.push(message.json());
      return answers.toSorted((a, b) => String(a["id"]).localeCompare(String(b["id"])));
    };
    const identity = (host: string) => ({
      name: "sockscope",
      id: `instance-${host}=2Eexample`,
      version: "1.0.0",
      metadata: { host: `${host}.example` },
    });
    const ping = "io.nats.micro.v1.ping_response";
    const both = ["web1", "web2"].map((host) => ({ type: ping, ...identity(host) }));
    expect(await ask("$SRV.PING")).toEqual(both);
    expect(await ask("$SRV.PING.sockscope")).toEqual(both);
    expect(await ask("$SRV.PING.sockscope.instance-web2=2Eexample")).toEqual(both.slice(1));
    expect(ask("$SRV.PING.other")).rejects.toThrow("no responders");
    const endpoints = [
      { name: "all", subject: "sockscope.v1.query", queue_group: "" },
      { name: "host", subject: "sockscope.v1.query.web1=2Eexample", queue_group: "" },
    ];
    const [info] = await ask("$SRV.INFO");
    expect(info).toEqual({
      type: "io.nats.micro.v1.info_response",
      ...identity("web1"),
      description: expect.any(String),
      endpoints: endpoints.map((endpoint) => ({ ...endpoint, metadata: {} })),
    });
    await fleet.query("-tan");
    await fleet.query("-tan", "--host", "web1.example");
    const [stats] = await ask("$SRV.STATS");
    expect(stats).toEqual({
      type: "io.nats.micro.v1.stats_response",
      ...identity("web1"),
      started: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      endpoints: endpoints.map((endpoint) => ({
        ...endpoint,
        num_requests: 1,
        num_errors: 0,
        last_error: "",
        processing_time: expect.any(Number),
        average_processing_time: expect.any(Number),
      })),
    });
  });

  test("finds the agents where the server has no roster", async () => {
    await using server = await startNatsServer({ jetStream: false });
    await using _agent = await startTestAgent({ url: server.url, ...played("web1", 10) });
    const { stdout, stderr, status } = await run("-tln", "--fleet", server.url);
    expect(stdout).toMatch(/^web1 LISTEN /m);
    expect(stderr).toBe("sockscope: the server has no roster: hosts that are down cannot be named\n");
    expect(status).toBe(0);
  });
});

describe.skipIf(natsServer === undefined)("sites", () => {
  test("agents at a leaf node are queried from the center, and on their site while it is cut off", async () => {
    const leafPort = freePort();
    const center = await startNatsServer({ config: `leafnodes { listen: "127.0.0.1:${leafPort}" }` });
    await using leaf = await startNatsServer({
      jetStream: false,
      config: `leafnodes { remotes: [ { url: "nats://127.0.0.1:${leafPort}" } ] }`,
    });
    const broker = await connectBroker({ url: center.url, files: {}, name: "test" });
    await makeRoster(broker.connection);
    await using _one = await startTestAgent({ url: center.url, ...played("center1", 10) });
    await until(() => /Leafnode connection created/.test(leaf.log()));
    await using _site = await startTestAgent({ url: leaf.url, ...played("site1", 10) });
    await until(async () => (await readRoster(broker.connection))?.length === 2);
    const all = await run("-Htln", "--fleet", center.url);
    expect([all.stdout.match(/^\w+/gm), all.stderr]).toEqual([["center1", "center1", "site1", "site1"], ""]);
    const fromSite = await run("-Htln", "--fleet", leaf.url);
    expect(fromSite.stdout).toBe(all.stdout);
    await broker.connection.close();
    await center[Symbol.asyncDispose]();
    const alone = await run("-Htln", "--fleet", leaf.url, "--host", "site1");
    expect([alone.stdout.match(/^\w+/gm), alone.stderr, alone.status]).toEqual([["site1", "site1"], "", 0]);
  });
});

describe.skipIf(natsServer === undefined)("agents that lie", () => {
  const hello = { version: "1.0.0", protocols: [PROTOCOL], host: "evil", bootId: "b" };
  const begin = { wallMs: Date.now(), bootMs: 1, addresses: [] };
  const summary = { instance: "i", hello, begin, tookMs: 0, rows: 1, pages: 1, bytes: 1, inline: true };
  const lines = (...frames: readonly object[]) =>
    Bun.zstdCompressSync(Buffer.from(frames.map((frame) => `${JSON.stringify(frame)}\n`).join("")));
  const row = (...cells: readonly string[]) => ({ rows: [{ cells }] });
  const end = { end: { status: 0 } };
  const cells = ["ESTAB", "0", "0", "1.2.3.4:", "5", "6.7.8.9:", "10", ""];

  /** What a client shows if the host "evil" sends these messages, beside one that is honest. */
  async function against(...sent: readonly (Uint8Array | (() => Uint8Array))[]): Promise<Finished> {
    const isPage = (message: (typeof sent)[number]) =>
      typeof message !== "function" && new TextDecoder().decode(message).startsWith('{"seq"');
    const pages = sent.filter(isPage) as Uint8Array[];
    const messages = sent.filter((message) => !isPage(message));
    await using fleet = await fleetOf(played("honest", 10));
    await register(fleet.broker.connection, "evil", { version: "1.0.0", instance: "x" });
    const evil = await connectBroker({ url: fleet.server.url, files: {}, name: "evil" });
    evil.connection.subscribe(queryAll, {
      callback(_, { data }) {
        const { id } = JSON.parse(new TextDecoder().decode(data).split("\n")[1]!);
        for (const message of messages)
          evil.connection.publish(replyFrom("evil", id), typeof message === "function" ? message() : message);
      },
    });
    // Pages are sent when the client allows it, and once more.
    evil.connection.subscribe("sockscope.v1.credit.evil", {
      callback(_, { data }) {
        const { id } = JSON.parse(new TextDecoder().decode(data));
        for (const page of pages) evil.connection.publish(replyFrom("evil", id), page);
      },
    });
    await evil.connection.flush();
    const found = await fleet.query("-tan", "--host-timeout", "4");
    await evil.connection.close();
    expect(found.stdout.match(/^honest /gm)).toHaveLength(10);
    return found;
  }

  test("a row in its own words cannot reach the terminal or begin another row", async () => {
    const nasty = "\u001b]0;x\u0007\nhonest ESTAB\r\u202e";
    const { stdout } = await against(
      writeReply({ summary, page: lines(row(nasty, ...cells.slice(1)), { note: nasty }, end) }),
    );
    expect(stdout).toMatch(/^evil {3}\\x1b\]0;x\\x07\\x0ahonest ESTAB\\x0d\\xe2\\x80\\xae /m);
    expect(stdout).not.toContain("\u001b");
  });

  test.each<[string, readonly (Uint8Array | (() => Uint8Array))[], RegExp]>([
    ["no JSON", [Buffer.from("\u001b[31m\n")], /evil: its answer is malformed: a line that is not JSON/],
    [
      "a page that is none",
      [writeReply({ summary, page: Buffer.from("nonsense") })],
      /evil: its answer is malformed: a page that cannot be decompressed/,
    ],
    [
      "a page that is too long",
      [writeReply({ summary, page: Bun.zstdCompressSync(new Uint8Array(1 << 28)) })],
      /evil: its answer is malformed: a page that cannot be decompressed/,
    ],
    [
      "no end",
      [writeReply({ summary, page: lines(row(...cells)) })],
      /evil: its answer is malformed: it has no end/,
    ],
    [
      "more after the end",
      [writeReply({ summary, page: lines(end, row(...cells)) })],
      /evil: its answer is malformed: more after the end/,
    ],
    [
      "rows of another shape",
      [writeReply({ summary, page: lines(row("one"), end) })],
      /evil: its answer is malformed: a row of another shape/,
    ],
    [
      "another version",
      [writeReply({ summary: { ...summary, hello: { ...hello, protocols: [7] } }, page: lines(end) })],
      /evil: its sockscope 1\.0\.0 speaks protocol 7, and this one 1/,
    ],
    [
      "two processes",
      [
        writeReply({ summary: { ...summary, inline: false, pages: 9 }, page: new Uint8Array(0) }),
        writeReply({ summary: { ...summary, instance: "j" }, page: lines(end) }),
      ],
      /evil: two agents answer in its name/,
    ],
    [
      "pages that never come, and others that nobody allowed",
      [
        writeReply({ summary: { ...summary, inline: false, pages: 1e9 }, page: new Uint8Array(0) }),
        ...Array.from({ length: 100 }, (_, seq) => writeReply({ seq: seq + 1e6, page: lines(end) })),
      ],
      /evil: no whole answer within 4 s/,
    ],
    [
      "an end before its last page",
      [
        writeReply({ summary: { ...summary, inline: false, pages: 3 }, page: new Uint8Array(0) }),
        writeReply({ seq: 0, page: lines(end) }),
      ],
      /evil: its answer is malformed: it ends before its last page/,
    ],
    ["nothing", [], /evil: no answer within 1\.3 s/],
    [
      "a refusal",
      [() => writeReply({ refused: "\u001b[2Jno", wallMs: Date.now() + 90_000 })],
      /evil: \\x1b\[2Jno \(its clock is (?:89|90) s ahead\)/,
    ],
  ])("%s is its own failure", async (_, messages, reason) => {
    const { stderr, status, peakMiB } = await against(...messages);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toContain("\u001b");
    expect(status).toBe(1);
    expect(peakMiB).toBeLessThan(200);
  });

  test("nobody who writes to an agent can end it", async () => {
    await using fleet = await fleetOf(played("web1", 10));
    const { connection } = fleet.broker;
    const nonsense = [
      "",
      "\n",
      "\n{}",
      "\nnull",
      `\n{"id":"${"A".repeat(22)}"}`,
      `\n${"[".repeat(100_000)}`,
      "x".repeat(600_000),
      `\n{"id":"a.b.c.d.e.f.g.h.i.j.k.l.m","question":{}}`,
    ];
    for (const subject of [queryAll, queryOne("web1"), "sockscope.v1.credit.web1", "$SRV.PING"])
      for (const message of nonsense) connection.publish(subject, message, { reply: "sockscope.v1.query" });
    await connection.flush();
    expect(await fleet.query("-tan")).toMatchObject({ stderr: "", status: 0 });
    expect(fleet.agents[0]!.lines).toEqual([]);
    expect(fleet.agents[0]!.agent.stats.all.errors).toBe(nonsense.length);
  });
});

describe.skipIf(natsServer === undefined)("many rows and many hosts", () => {
  test("a pull of many rows stays small on both sides, and nobody is cut off", async () => {
    const hosts = 60;
    const rowsOfEach = 2000;
    await using fleet = await fleetOf();
    const child = Bun.spawn(
      [
        process.execPath,
        join(import.meta.dirname, "nats-agents.ts"),
        ...[fleet.server.url, "host", "1", String(hosts), String(rowsOfEach)],
      ],
      { stdout: "pipe" },
    );
    await using _child = {
      async [Symbol.asyncDispose]() {
        child.kill();
        await child.exited;
      },
    };
    await child.stdout.getReader().read();
    await until(async () => (await readRoster(fleet.broker.connection))?.length === hosts);
    const { stdout, stderr, status, peakMiB } = await fleet.query("-tan", "-H", "--host-timeout", "120");
    expect([stderr, status]).toEqual(["", 0]);
    let rows = 0;
    for (let at = stdout.indexOf("\n"); at >= 0; at = stdout.indexOf("\n", at + 1)) rows++;
    expect(rows).toBe(hosts * rowsOfEach);
    expect(peakMiB).toBeLessThan(200);
    expect(fleet.server.log()).not.toMatch(/slow consumer/i);
    const groups = await fleet.query("-tan", "--by", "state", "--ndjson");
    const counts = groups.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).count);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(hosts * rowsOfEach);
  });

  test("an answer survives a server that is restarted", async () => {
    await using fleet = await fleetOf(played("web1", 30_000));
    const child = Bun.spawn([executable, "-tan", "-H", "--fleet", fleet.server.url, "--host-timeout", "60"], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const reader = child.stdout.getReader();
    const chunks = [(await reader.read()).value!];
    await fleet.server.kill();
    await using _server = await startNatsServer({ port: fleet.server.port, folder: fleet.server.folder });
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value);
    expect(await child.stderr.text()).toBe("");
    expect(Buffer.concat(chunks).toString().split("\n")).toHaveLength(30_001);
    expect(await child.exited).toBe(0);
  });
});

describe.skipIf(natsServer === undefined)("the agent as a program", () => {
  test("answers, is small when idle, comes back with the server, and ends when it should", async () => {
    const server = await startNatsServer();
    const child = Bun.spawn(
      [executable, "agent", "--nats", server.url, "--name", "web1", "--replay", join(fixtures, "mixed-500")],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const query = () => run("-tln", "--fleet", server.url, "--host", "web1");
    await until(async () => (await query()).status === 0);
    const cpuTicks = () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return Number(fields[11]) + Number(fields[12]);
    };
    await Bun.sleep(500);
    const before = cpuTicks();
    await Bun.sleep(2000);
    // Two ticks of 10 ms: the test is not alone on the host, and a measurement of minutes is in bench/fleet-nats.ts.
    expect(cpuTicks() - before).toBeLessThanOrEqual(2);
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]);
    expect(resident).toBeLessThan(100 << 10);
    await server.kill();
    await using again = await startNatsServer({ port: server.port, folder: server.folder });
    await until(async () => (await query()).status === 0);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(128 + 15);
    const lines = await child.stderr.text();
    expect(lines).toMatch(/answers as web1 at 127\.0\.0\.1:\d+\n/);
    expect(lines).toMatch(/lost the connection.*connected again/s);
    expect(await child.stdout.text()).toBe("");
    rmSync(again.folder, { recursive: true, force: true });
  });

  test.each([
    [["agent"], "use one of --stdio, --nats and --make-key"],
    [["agent", "--stdio", "--nats", "nats://a"], "use one of"],
    [["agent", "--nats", "http://a"], "is not a NATS server"],
    [["agent", "--nats", "nats://a", "--max-cpu", "0"], "is not a share of a core"],
    [["agent", "--nats", "nats://a", "--name", ""], "use --name"],
    [["agent", "--nats", "nats://a", "sport", "=", ":22"], "it takes no filter"],
  ])("%j is refused in one line", async (args, message) => {
    const { stderr, status } = await run(...args);
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(status).toBeGreaterThan(0);
  });
});
