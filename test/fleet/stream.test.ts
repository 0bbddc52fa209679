/**
 * The stream of a fleet on a real nats-server: whatever is killed, each event is shown once. SOAK_SECONDS says for how
 * long, SOAK_OUTAGE for how many seconds the server is away.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { type Broker, connectBroker } from "../../src/fleet/nats/connect.ts";
import { type Feed, feedSubject, STREAM } from "../../src/fleet/nats/stream.ts";
import { makeStream, packetSender } from "../../src/fleet/nats/stream-deliver.ts";
import { readStream } from "../../src/fleet/nats/stream-read.ts";
import { LEAST_SPOOL_BYTES } from "../../src/fleet/spool/limits.ts";
import { natsServer, type RunningNatsServer, startNatsServer } from "./nats-server.ts";

const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 4);
const OUTAGE_SECONDS = Number(process.env["SOAK_OUTAGE"] ?? 1);
/** A spool that lasts for minutes of the events that an agent of the test makes. */
const AMPLE_SPOOL_BYTES = 256 << 20;
const agentScript = join(import.meta.dirname, "stream-agent.ts");
const executable = join(import.meta.dirname, "../../dist/sockscope");
/** A machine that is busy with the soak may take long, and so may an agent whose server was away for minutes. */
const PATIENCE_MS = Math.max(30_000, SECONDS * 500, OUTAGE_SECONDS * 500);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-stream-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`timed out: ${what}`);
    await Bun.sleep(20);
  }
}

/** A server that can be killed and comes back with what it had. */
async function lastingServer() {
  const folder = scratch();
  let server: RunningNatsServer = await startNatsServer({ folder });
  cleanups.push(() => server.kill());
  const { url, port } = server;
  return {
    url,
    kill: () => server.kill(),
    async restart() {
      server = await startNatsServer({ folder, port });
    },
  };
}

/** An agent that can be killed; what it has said that it kept is known. */
function lastingAgent(url: string, host: string, spoolBytes = LEAST_SPOOL_BYTES) {
  const folder = join(scratch(), "spool");
  const kept = new Map<number, number>();
  let run = 0;
  let child: Bun.Subprocess | undefined;
  let read: Promise<void> = Promise.resolve();
  const start = (most = 1_000_000, burst = 10, everyMs = 5) => {
    const number = ++run;
    const running = Bun.spawn(
      ["bun", agentScript, url, host, folder, ...[number, most, burst, everyMs, spoolBytes].map(String)],
      {
        stdout: "pipe",
        stderr: "ignore",
      },
    );
    child = running;
    read = (async () => {
      let rest = "";
      for await (const chunk of running.stdout) {
        const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
        rest = lines.pop()!;
        for (const line of lines) kept.set(number, Number(line.slice("kept ".length)));
      }
    })();
  };
  const kill = async () => {
    child?.kill("SIGKILL");
    await child?.exited;
    await read;
  };
  cleanups.push(kill);
  return { host, kept, start, kill };
}

/** The real agent, which follows the connections that `connect` makes. */
async function realAgent(url: string, host: string) {
  const listener = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data: () => undefined } });
  cleanups.push(() => listener.stop(true));
  const { port } = listener;
  const child = Bun.spawn(
    [
      ...[executable, "agent", "--nats", url, "--name", host, "--spool", join(scratch(), "spool")],
      ...["--events", "close", `sport = :${port} or dport = :${port}`],
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  cleanups.push(() => child.kill("SIGKILL"));
  const ports: number[] = [];
  const connect = async () => {
    const socket = await Bun.connect({ port, hostname: "127.0.0.1", socket: { data: () => undefined } });
    ports.push(socket.localPort);
    socket.end();
  };
  return { ports, connect };
}

interface Shown {
  readonly host: string;
  /** Absent in events that are not about a socket. */
  readonly local?: { readonly port: number };
  readonly peer?: { readonly port: number };
  readonly id: string;
  readonly event: string;
  readonly uid: number;
  readonly inode: number;
  /** Of an event lost: what dropped events, and how many. */
  readonly source: string;
  readonly count: number;
}

/** `events --fleet`, as a process. */
function reader(url: string, folder: string, number: number, ...options: string[]) {
  const path = join(folder, `out-${number}`);
  writeFileSync(path, "");
  const child = Bun.spawn([executable, "events", "--fleet", url, "--json", ...options], {
    stdout: Bun.file(path),
    stderr: "pipe",
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return {
    child,
    shown: (): Shown[] =>
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line.endsWith("}"))
        .map((line) => JSON.parse(line) as Shown),
    async end(signal: NodeJS.Signals) {
      child.kill(signal);
      await child.exited;
      return child.exitCode;
    },
  };
}

/** What is wrong with what was shown of an agent: every event that was kept must be there, once and in order. */
function faults({ host, kept }: ReturnType<typeof lastingAgent>, shown: readonly Shown[]): string[] {
  const found: string[] = [];
  const last = new Map<number, number>();
  for (const { host: from, event, uid, inode, source, count } of shown) {
    if (from !== host) continue;
    if (event !== "open") found.push(`${count} ${event} by the ${source} after run ${[...last].at(-1)}`);
    else if (inode !== (last.get(uid) ?? 0) + 1)
      found.push(`run ${uid}: ${inode} after ${last.get(uid) ?? 0}`);
    last.set(uid, inode);
  }
  for (const [run, count] of kept)
    if ((last.get(run) ?? 0) < count) found.push(`run ${run}: ${last.get(run) ?? 0} of ${count}`);
  return found.slice(0, 5);
}

/** A listener with a full accept queue: it has room for one connection, and accepts none. */
const FULL_QUEUE = `
import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
client = socket.create_connection(listener.getsockname())
print(listener.getsockname()[1], flush=True)
time.sleep(600)
`;

/** An agent with --findings on a host with a full accept queue, and a reader, both of the executable. */
async function findingsOfAgent() {
  const server = await startNatsServer();
  const folder = mkdtempSync(join(tmpdir(), "sockscope-findings-"));
  const path = join(folder, "out");
  writeFileSync(path, "");
  const program = Bun.spawn(["python3", "-c", FULL_QUEUE], { stdout: "pipe" });
  const { value } = await program.stdout.getReader().read();
  const { url } = server;
  const quiet = { stdout: "ignore", stderr: "ignore" } as const;
  const spool = join(folder, "spool");
  const agent = Bun.spawn(
    [executable, "agent", "--nats", url, "--name", "web1", "--spool", spool, "--findings"],
    quiet,
  );
  const watch = Bun.spawn([executable, "doctor", "--watch", "--fleet", url, "--json", "--since", "-1h"], {
    ...quiet,
    stdout: Bun.file(path),
  });
  return {
    /** `127.0.0.1:PORT` of the listener. */
    listener: `127.0.0.1:${new TextDecoder().decode(value).trim()}`,
    lines: () => readFileSync(path, "utf8").split("\n").slice(0, -1),
    async end() {
      for (const child of [watch, agent, program]) child.kill("SIGKILL");
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe.skipIf(natsServer === undefined)("the stream of a fleet", () => {
  let ofAgent: Awaited<ReturnType<typeof findingsOfAgent>>;
  // An agent takes its samples 15 seconds apart, in which the other tests run.
  beforeAll(async () => {
    ofAgent = await findingsOfAgent();
  });
  afterAll(() => ofAgent.end());

  test(
    "server, agents and readers are killed, and each event is shown once",
    async () => {
      const server = await lastingServer();
      const folder = scratch();
      const cursor = join(folder, "cursor");
      const agents = ["web1", "db1.example"].map((host) => lastingAgent(server.url, host, AMPLE_SPOOL_BYTES));
      for (const { start } of agents) start();
      const readers = [reader(server.url, folder, 0, "--since", "-1h", "--cursor-file", cursor)];
      const statuses: (number | null)[] = [];
      const nextReader = async () => {
        statuses.push(await readers.at(-1)!.end("SIGTERM"));
        readers.push(reader(server.url, folder, readers.length, "--cursor-file", cursor));
      };
      await until(() => readers[0]!.shown().length > 200, "the first events");
      const end = performance.now() + SECONDS * 1000;
      for (let round = 0; performance.now() < end; round++) {
        await server.kill();
        if (round % 2 === 0) await agents[0]!.kill();
        await Bun.sleep(Math.random() * 500);
        if (round % 2 === 0) agents[0]!.start();
        await server.restart();
        await Bun.sleep(Math.random() * 1000);
        await agents[1]!.kill();
        await nextReader();
        agents[1]!.start();
        const before = readers.at(-1)!.shown().length;
        await until(() => readers.at(-1)!.shown().length > before + 100, "further events");
      }
      // The last runs make nothing: they deliver what is in their spools.
      for (const { kill, start } of agents) {
        await kill();
        start(0);
      }
      await nextReader();
      const all = () => readers.flatMap((each) => each.shown());
      await until(() => agents.every((agent) => faults(agent, all()).length === 0), "the last events").catch(
        () => undefined,
      );
      statuses.push(await readers.at(-1)!.end("SIGTERM"));
      for (const agent of agents) expect(faults(agent, all())).toEqual([]);
      expect(new Set(all().map(({ id }) => id)).size).toBe(all().length);
      // The signal can come before a reader has begun.
      expect(new Set(statuses.filter((status) => status !== null))).toEqual(new Set([128 + 15]));
      expect(existsSync(cursor)).toBe(true);
    },
    SECONDS * 4000 + 60_000,
  );

  test(
    "nothing is lost or repeated when the server comes back after a long time",
    async () => {
      const server = await lastingServer();
      const shows = reader(server.url, scratch(), 0, "--since", "-1h").shown;
      const made = { web1: 8 * (OUTAGE_SECONDS + 1), web2: 200 * (OUTAGE_SECONDS + 1) };
      /** Its spool lasts for ten minutes. */
      const slow = lastingAgent(server.url, "web1");
      slow.start(made.web1, 1, 125);
      /** Its spool is full after half a minute. */
      const fast = lastingAgent(server.url, "web2");
      fast.start(made.web2, 2, 10);
      const real = await realAgent(server.url, "web3");
      const isShown = (host: string) =>
        shows().some((each) => each.host === host && each.local !== undefined);
      await until(() => isShown("web1") && isShown("web2"), "the first events");
      while (!isShown("web3")) {
        await real.connect();
        await Bun.sleep(100);
      }
      real.ports.length = 0;
      await server.kill();
      const end = performance.now() + OUTAGE_SECONDS * 1000;
      while (performance.now() < end) {
        await real.connect();
        await Bun.sleep(200);
      }
      await server.restart();
      const shownOf = (host: keyof typeof made) => {
        const own = shows().filter((each) => each.host === host);
        const lost = own.filter(({ event }) => event === "lost").reduce((sum, { count }) => sum + count, 0);
        return { lost, numbers: own.filter(({ event }) => event === "open").map(({ inode }) => inode) };
      };
      const isWhole = (host: keyof typeof made) => {
        const { lost, numbers } = shownOf(host);
        return lost + numbers.length >= made[host];
      };
      await until(() => isWhole("web1") && isWhole("web2"), "the last events");
      const ofReal = () => shows().filter(({ host }) => host === "web3");
      const before = new Set(real.ports.splice(0));
      const isBack = () =>
        ofReal().some(({ local }) => real.ports.some((port) => port === local?.port && !before.has(port)));
      while (!isBack()) {
        await real.connect();
        await Bun.sleep(100);
      }
      // What the real agent put into its spool has come up to the last connection, each event once.
      const counted = ofReal().map(({ id }) => Number(id.slice(id.lastIndexOf(":") + 1)));
      expect(counted).toEqual(Array.from(counted, (_, at) => at + 1));
      expect(counted.length).toBeGreaterThan(before.size);
      expect(shownOf("web1").lost).toBe(0);
      for (const host of ["web1", "web2"] as const) {
        const { lost, numbers } = shownOf(host);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(new Set(numbers).size).toBe(made[host] - lost);
      }
      const ids = shows().map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      if (OUTAGE_SECONDS >= 60)
        console.log(
          `${OUTAGE_SECONDS} s without a server: all of ${made.web1} events, ${shownOf("web2").lost} of ${made.web2} ` +
            `dropped by a full spool; ${counted.length} events of a real agent, ${before.size} connections`,
        );
    },
    OUTAGE_SECONDS * 2000 + 120_000,
  );

  test("what does not fit into the spool while the server is away is counted", async () => {
    const server = await lastingServer();
    await server.kill();
    const agent = lastingAgent(server.url, "web1");
    const count = 30_000;
    agent.start(count, 500);
    await until(() => agent.kept.get(1) === count, "the events");
    await server.restart();
    const { shown, child } = reader(server.url, scratch(), 0, "--since", "-1h");
    await until(() => shown().some(({ inode }) => inode === count), "the last event");
    child.kill();
    const [first, ...others] = shown();
    expect(first).toMatchObject({ host: "web1", event: "lost", source: "spool" });
    expect(first!.count).toBeGreaterThan(count / 2);
    expect(others.map(({ inode }) => inode)).toEqual(
      Array.from({ length: count - first!.count }, (_, at) => first!.count + at + 1),
    );
  }, 60_000);

  test("an agent follows this host, and its spool belongs to it alone", async () => {
    const server = await lastingServer();
    const folder = join(scratch(), "spool");
    const listener = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data: () => undefined } });
    cleanups.push(() => listener.stop(true));
    const { port } = listener;
    const agent = (name: string, ...args: string[]) =>
      Bun.spawn([executable, "agent", "--nats", server.url, "--name", name, "--spool", folder, ...args], {
        stdout: "ignore",
        stderr: "pipe",
      });
    const web1 = agent(
      "web1",
      "--events",
      "open,close",
      "--findings",
      `sport = :${port} or dport = :${port}`,
    );
    cleanups.push(() => web1.kill());
    const { child, shown } = reader(
      server.url,
      scratch(),
      0,
      "--count",
      "1",
      "--since",
      "-1h",
      "--only",
      "close",
    );
    // Until the agent has begun to follow.
    while (child.exitCode === null) {
      const socket = await Bun.connect({ port, hostname: "127.0.0.1", socket: { data: () => undefined } });
      socket.end();
      await Bun.sleep(50);
    }
    const [close] = shown() as unknown as { readonly [key: string]: { readonly port: number } }[];
    expect(close).toMatchObject({ host: "web1", event: "close", netid: "tcp" });
    expect([close!["local"]!.port, close!["peer"]!.port]).toContain(port);
    const second = agent("web2", "--events", "all");
    expect([await second.exited, await new Response(second.stderr).text()]).toEqual([
      1,
      `sockscope: agent: cannot open the spool in ${folder}: another agent has it open\n`,
    ]);
    web1.kill("SIGTERM");
    expect(await web1.exited).toBe(128 + 15);
    // What follows for an agent ends with it, also if it is killed.
    const killed = agent("web1", "--events", "all");
    const children = () => readFileSync(`/proc/${killed.pid}/task/${killed.pid}/children`, "utf8").split(" ");
    await until(() => children()[0] !== "", "the process that follows");
    const [follower] = children();
    killed.kill("SIGKILL");
    await until(() => !existsSync(`/proc/${follower}`), "the end of the process that follows");
    const wrong = agent("web1", "--events", "all", "dport", "=");
    expect([await wrong.exited, await new Response(wrong.stderr).text()]).toEqual([
      255,
      expect.stringContaining("while parsing filter"),
    ]);
    const alone = Bun.spawn([executable, "agent", "--stdio", "--findings"], {
      stdin: "ignore",
      stderr: "pipe",
    });
    expect(await new Response(alone.stderr).text()).toStartWith(
      "sockscope: agent: --findings needs --nats\n",
    );
  }, 60_000);

  describe("what is read", () => {
    let server: Awaited<ReturnType<typeof lastingServer>>;
    let broker: Broker;

    async function begin(): Promise<void> {
      server = await lastingServer();
      broker = await connectBroker({ url: server.url, name: "test", files: {} });
      cleanups.push(() => broker.connection.close());
    }

    /** Publishes lines, or a loss, as an agent does. */
    async function publish(
      feed: Feed,
      host: string,
      first: number,
      lines: readonly object[] | number,
    ): Promise<void> {
      const isLoss = typeof lines === "number";
      await packetSender(
        broker.connection,
        feed,
        host,
      )({
        boot: "boot",
        spool: "spool",
        first,
        end: first + (isLoss ? lines : lines.length),
        body: isLoss ? undefined : Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join("")),
        lostMs: isLoss ? Date.UTC(2026, 10, 21, 10) : undefined,
      });
    }

    /** Runs the executable until it has read what is there. */
    async function shows(...args: string[]) {
      const child = Bun.spawn([executable, ...args, "--fleet", server.url], {
        stdout: "pipe",
        stderr: "pipe",
        env: { ...process.env, TZ: "UTC" },
      });
      cleanups.push(() => child.kill("SIGKILL"));
      const [stdout, stderr, status] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { stdout, stderr, status };
    }

    const open = (port: number, more: object = {}) => ({
      time: "2026-11-21T09:36:23.400379Z",
      event: "open",
      source: "tracefs",
      newState: "SYN-SENT",
      netid: "tcp",
      family: "inet",
      local: { address: "10.0.0.1", port: 40000 },
      peer: { address: "10.0.0.2", port },
      processes: [{ pid: 7, fd: 3, comm: "curl" }],
      ...more,
    });
    /** Publishes a loss, which is always shown: {@link read} ends with it. */
    const end = () => publish("events", "zz", 1, 7);

    /** Shows the events that are there. @param count how many it should be */
    async function read(count: number, ...args: string[]) {
      const limits = ["--since", "-1h", "--count", String(count + 1), "--timeout", "15"];
      const { stdout, stderr, status } = await shows("events", "-n", ...limits, ...args);
      expect([status, stdout]).toEqual([0, expect.stringMatching(/(?:^|\n).*zz.*7}?\n$/)]);
      expect(stderr).toEndWith("sockscope: zz: 7 events were dropped while its spool was full\n");
      return { lines: stdout.split("\n").slice(0, -2), messages: stderr.split("\n").slice(0, -2) };
    }

    test("lines have the host in front, and the filter and the options of events choose", async () => {
      await begin();
      await publish("events", "web1", 1, [open(80), open(443), open(80, { netid: "udp" })]);
      await publish("events", "db1.example", 1, [
        open(443, {
          event: "failed",
          reason: "refused",
          synsSent: 1,
          oldState: "SYN-SENT",
          newState: "UNCONN",
        }),
      ]);
      await end();
      const { lines } = await read(4);
      expect(lines.map((line) => line.replace(/ +/g, " "))).toEqual([
        "Host Time Event Netid Old State New State Source Local Address:Port Peer Address:Port Process",
        'web1 09:36:23.400379 open tcp - SYN-SENT tracefs 10.0.0.1:40000 10.0.0.2:80 users:(("curl",pid=7,fd=3))',
        'web1 09:36:23.400379 open tcp - SYN-SENT tracefs 10.0.0.1:40000 10.0.0.2:443 users:(("curl",pid=7,fd=3))',
        'web1 09:36:23.400379 open udp - SYN-SENT tracefs 10.0.0.1:40000 10.0.0.2:80 users:(("curl",pid=7,fd=3))',
        'db1.example 09:36:23.400379 failed tcp SYN-SENT UNCONN tracefs 10.0.0.1:40000 10.0.0.2:443 users:(("curl",pid=7,fd=3)) refused syns:1',
      ]);
      const brief = async (count: number, ...args: string[]) =>
        (await read(count, "-H", ...args)).lines.map((line) => line.replace(/ +\S+ (\w+) .*/, " $1"));
      expect(await brief(2, "dport = :443 and comm curl")).toEqual(["web1 open", "db1.example failed"]);
      expect(await brief(1, "-u")).toEqual(["web1 open"]);
      expect(await brief(1, "--only", "failed")).toEqual(["db1.example failed"]);
      expect(await brief(1, "--host", "db[1-2].example,zz")).toEqual(["db1.example failed"]);
      expect(await brief(1, "state", "closed")).toEqual(["db1.example failed"]);
      const until = await shows("events", "-Hn", "--since", "-1h", "--until", "dport = :443");
      expect([until.status, until.stdout.split("\n").length]).toEqual([0, 3]);
      const refused = await shows("events", "dev", "lo");
      expect([refused.status, refused.stderr]).toEqual([
        255,
        "sockscope: events: events of other hosts do not have interfaces\n",
      ]);
    }, 30_000);

    test("no host speaks for another one, reaches the terminal, or stops the others", async () => {
      await begin();
      await publish("events", "liar", 1, [
        open(80, {
          host: "web1",
          id: "x",
          source: "\u001b]0;owned\u0007",
          processes: [{ comm: "a\nweb1 b\u202e" }],
        }),
      ]);
      const raw = (subject: string, text: string) => broker.connection.publish(subject, text);
      raw(feedSubject("events", "garbage1"), "\u001b[31m");
      raw(
        feedSubject("events", "garbage2"),
        '{"sockscope":1,"boot":"b","spool":"s","first":1,"end":3}\n[[\n{"event":7}\n',
      );
      const deep = `{"time":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
      raw(
        feedSubject("events", "deep"),
        `{"sockscope":1,"boot":"b","spool":"s","first":1,"end":2}\n${deep}\n`,
      );
      raw("sockscope.v1.event.a%zz.batch", "");
      // A name that no host has: escape sequences.
      const named = `{"sockscope":1,"boot":"b","spool":"s","first":1,"end":2}\n${JSON.stringify(open(80))}\n`;
      raw("sockscope.v1.event.web=1B=5B2J.batch", named);
      await broker.connection.flush();
      await publish("events", "web1", 1, [open(443)]);
      await end();
      const text = await read(2, "-H");
      expect(text.lines.join("\n")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(text.lines.map((line) => line.split(" ")[0])).toEqual(["liar", "web1"]);
      expect(text.messages).toEqual([
        "sockscope: garbage1: sends a message that does not begin with JSON",
        "sockscope: garbage2: sends lines that are not events",
        "sockscope: deep: sends lines that are not events",
      ]);
      const objects = (await read(2, "--json")).lines.map((line) => JSON.parse(line));
      expect(objects.map(({ host, id }) => [host, id])).toEqual([
        ["liar", "boot:spool:1"],
        ["web1", "boot:spool:1"],
      ]);
      expect(Object.keys(objects[1])[0]).toBe("host");
    }, 30_000);

    test("what was dropped is said: by a full spool, and by the stream", async () => {
      await begin();
      await publish("events", "web1", 1, [open(1)]);
      await publish("events", "web1", 2, 120);
      await publish("events", "web1", 122, [open(2)]);
      await publish("events", "web1", 123, [open(3), open(4)]);
      await publish("events", "web1", 125, [open(5)]);
      const { streams } = await jetstreamManager(broker.connection);
      await streams.deleteMessage(STREAM, 4);
      // A copy that the server has stored a second time.
      broker.connection.publish(
        feedSubject("events", "web1"),
        '{"sockscope":1,"boot":"boot","spool":"spool","first":1,"end":2}\n{}\n',
      );
      await broker.connection.flush();
      await end();
      const { lines, messages } = await read(5, "--json");
      const objects = lines.map((line) => JSON.parse(line));
      expect(objects.map(({ event, source, count, peer }) => [event, source, count ?? peer.port])).toEqual([
        ["open", "tracefs", 1],
        ["lost", "spool", 120],
        ["open", "tracefs", 2],
        ["lost", "stream", 2],
        ["open", "tracefs", 5],
      ]);
      expect(messages).toEqual([
        "sockscope: web1: 120 events were dropped while its spool was full",
        "sockscope: web1: 2 events were lost: the server no longer has them",
      ]);
    }, 30_000);

    test("a cursor file remembers what was shown, in the middle of a message too", async () => {
      await begin();
      const cursor = join(scratch(), "cursor");
      await publish("events", "web1", 1, [open(1), open(2), open(3)]);
      await publish("events", "web1", 4, [open(4)]);
      const ports = async (...args: string[]) =>
        (await shows("events", "--json", "--cursor-file", cursor, ...args)).stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line).peer.port);
      expect(await ports("--since", "-1h", "--count", "2")).toEqual([1, 2]);
      expect(await ports("--count", "1")).toEqual([3]);
      expect(await ports("--count", "1")).toEqual([4]);
      // What comes between two runs is shown by the second, also if the first had nothing to show.
      expect(await ports("--timeout", "0.2")).toEqual([]);
      await publish("events", "web1", 5, [open(5)]);
      expect(await ports("--count", "1")).toEqual([5]);
      await (await jetstreamManager(broker.connection)).streams.delete(STREAM);
      await makeStream(broker.connection);
      await publish("events", "web1", 5, [open(5), open(6)]);
      const again = await shows("events", "--json", "--cursor-file", cursor, "--count", "1");
      expect(JSON.parse(again.stdout).peer.port).toBe(6);
      expect(again.stderr).toBe("sockscope: the stream was made again: reading it from its beginning\n");
      expect(statSync(cursor).mode & 0o777).toBe(0o600);
      writeFileSync(cursor, "{}");
      const broken = await shows("events", "--cursor-file", cursor);
      expect([broken.status, broken.stderr]).toEqual([
        255,
        `sockscope: events: ${cursor} is not a file that --cursor-file has written\n`,
      ]);
    }, 40_000);

    test("reading ends whenever it is aborted, also while it begins", async () => {
      await begin();
      await makeStream(broker.connection);
      const nothing = { take: async () => undefined, refuse() {}, begun() {}, restarted() {} };
      for (let waitMs = 0; waitMs < 12; waitMs++) {
        const { connection } = await connectBroker({ url: server.url, name: "test", files: {} });
        const stop = new AbortController();
        const reading = readStream(connection, "events", "now", nothing, stop.signal);
        await Bun.sleep(waitMs / 2);
        stop.abort();
        await reading;
        await connection.close();
      }
    }, 30_000);

    test("findings are shown as they appear and clear", async () => {
      await begin();
      const change = (event: string, time: string, severity = "warning") => ({
        event,
        time,
        since: "2026-11-21T10:00:00.000Z",
        finding: {
          rule: "syn-sent",
          severity,
          title: "1 connection \u001b[2J got no answer",
          evidence: ["a\nb"],
        },
      });
      await publish("findings", "web1", 1, [
        change("appeared", "2026-11-21T10:00:00.000Z"),
        change("cleared", "2026-11-21T10:01:30.000Z"),
        { event: "sources" },
      ]);
      const { connection } = broker;
      const reading = shows("doctor", "--watch", "--since", "-1h", "--fail-on", "critical");
      await Bun.sleep(500);
      await publish("findings", "db1", 1, [change("appeared", "2026-11-21T10:02:00.000Z", "critical")]);
      expect(connection.isClosed()).toBe(false);
      const { stdout, status } = await reading;
      expect(status).toBe(2);
      expect(stdout.split("\n")).toEqual([
        "2026-11-21 10:00:00 web1 appeared: warning: 1 connection \\x1b[2J got no answer [syn-sent]",
        "  a\\x0ab",
        "  More: sockscope doctor --explain syn-sent",
        "2026-11-21 10:01:30 web1 cleared after 1 min 30 s: warning: 1 connection \\x1b[2J got no answer [syn-sent]",
        "2026-11-21 10:02:00 db1 appeared: critical: 1 connection \\x1b[2J got no answer [syn-sent]",
        "  a\\x0ab",
        "",
      ]);
    }, 30_000);

    test("a server that nobody runs, and one without JetStream, are named in one line", async () => {
      await begin();
      await server.kill();
      const away = await shows("events");
      expect(away.status).toBe(1);
      expect(away.stderr).toMatch(/^sockscope: nats:.*connection refused\n$/);
      const plain = await startNatsServer({ jetStream: false });
      cleanups.push(async () => plain[Symbol.asyncDispose]());
      server = { ...server, url: plain.url };
      const without = await shows("events");
      expect(without.status).toBe(1);
      expect(without.stderr).toMatch(/^sockscope: events: cannot read the stream sockscope-events: .*\n$/);
    }, 30_000);
  });

  test("a problem of a host appears in doctor --watch --fleet", async () => {
    const { listener, lines } = ofAgent;
    const found = () =>
      lines().find((line) => line.includes(`${listener} `) || line.includes(`${listener}"`));
    await until(() => found() !== undefined, "the finding");
    expect(JSON.parse(found()!)).toMatchObject({
      host: "web1",
      id: expect.stringMatching(/^[\w-]+:\w+:\d+$/),
      event: "appeared",
      finding: { rule: "accept-queue", severity: "critical" },
    });
  }, 60_000);
});
