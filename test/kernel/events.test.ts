/** Compares `events` with scripts of known sockets and with `ss -E`, in namespaces of their own. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { eventsSchema } from "../../src/cli/commands/events/schema.ts";
import {
  executable,
  follow,
  type Line,
  lineOf,
  makeWorld,
  PATIENCE_MS,
  play,
  portOf,
  root,
  scripts,
  title,
  tracing,
  until,
  type World,
} from "./events-follow.ts";
import { obstacle } from "./namespace.ts";

setDefaultTimeout(PATIENCE_MS * 2);

const isEvent = new Ajv2020({ strict: true, strictTypes: false }).compile(eventsSchema());

/** What the script `connections` has made. */
interface Connections {
  readonly pid: number;
  readonly made: readonly { readonly client: number; readonly server: number; readonly sent: number }[];
  readonly listeners: readonly number[];
}

/** The events of each socket, by its ports. */
function bySocket(events: readonly Line[]): Map<string, Line[]> {
  const sockets = new Map<string, Line[]>();
  for (const event of events) {
    const key = `${portOf(event.local)} ${portOf(event.peer)}`;
    sockets.set(key, [...(sockets.get(key) ?? []), event]);
  }
  return sockets;
}

describe.skipIf(obstacle !== undefined)(title("events without rights", obstacle), () => {
  let world: World;
  beforeAll(async () => {
    if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
    world = await makeWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  const nobody = root ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];

  /** Number of netlink sockets that have joined sock_diag's groups. */
  const listeners = () =>
    Bun.spawnSync(world.within("cat", "/proc/net/netlink"))
      .stdout.toString()
      .split("\n")
      .filter((line) => /^\S+\s+4\s+\d+\s+0000000f /.test(line)).length;

  test("every socket's end is reported once, as by ss -E", async () => {
    const args = ["events", "-n", "--sources", "sock_diag,destroy"];
    const ours = follow(world.within(...nobody, executable, ...args));
    // When ss is killed, output in its buffer is lost.
    const theirs = follow(world.within("stdbuf", "-oL", "ss", "-E", "-tunO"));
    await ours.ready();
    await until(
      () => listeners() === 2,
      () => "ss",
    );
    const played = play<Connections>(world, "connections", "40");
    const refused = play<{ client: number }>(world, "refused");
    const expected = [
      ...played.made.flatMap(({ client, server }) => [`${client} ${server}`, `${server} ${client}`]),
      ...played.listeners.map((port) => `${port} NaN`),
    ].sort();
    const closes = (events: readonly Line[]) =>
      events.filter(({ event, netid }) => event === "close" && netid === "tcp");
    await ours.see((events) => {
      const ends = closes(events).map(({ local, peer }) => `${portOf(local)} ${portOf(peer)}`);
      return (
        expected.every((each) => ends.includes(each)) &&
        ends.some((each) => each.startsWith(`${refused.client} `))
      );
    });
    const { status, complaints } = await ours.end();
    const told = closes(ours.events());
    // Two sockets of the refused script: one was closed before it listened, the other was refused.
    const endsOf = ({ local, peer }: Line) => `${portOf(local)} ${portOf(peer)}`;
    // The kernel may give the refused client the port that a listener had.
    const rest = told.filter((each) => expected.includes(endsOf(each)));
    const own = told.filter((each) => !rest.includes(each));
    expect(rest.map(({ local, peer }) => `${portOf(local)} ${portOf(peer)}`).sort()).toEqual(expected);
    expect(own.filter(({ local }) => portOf(local) === refused.client)).toHaveLength(1);
    expect(status).toBe(130);
    expect(complaints).toBe("");
    const ssPorts = () =>
      theirs
        .lines()
        .map((line) => line.split(/ +/))
        .filter(([netid]) => netid === "tcp")
        .map((cells) => portOf(cells.find((cell) => /:(\d+|\*)$/.test(cell))!));
    await until(
      () => ssPorts().length >= told.length,
      () => theirs.lines().join("\n"),
    );
    await theirs.end("SIGTERM");
    const bound = (ports: readonly number[]) => ports.filter((port) => port > 0).sort();
    expect(bound(ssPorts())).toEqual(bound(told.map(({ local }) => portOf(local))));
  });

  test("polling reports sockets that last, their processes, and their ends", async () => {
    const ours = follow(world.within(executable, "events", "-n", "-d", "0.05", "--sources", "sock_diag"));
    await ours.ready();
    const holder = Bun.spawn(world.within(process.execPath, scripts, "hold", "5555"), { stdin: "pipe" });
    await ours.see((events) => events.filter(({ event }) => event === "open").length >= 3);
    holder.stdin.end();
    await holder.exited;
    await ours.see((events) => events.filter(({ event }) => event === "close").length >= 3);
    await ours.end();
    const sockets = [...bySocket(ours.events()).values()];
    expect(sockets).toHaveLength(3);
    for (const events of sockets) {
      expect(events.filter(({ event }) => event === "open")).toHaveLength(1);
      expect(events.filter(({ event }) => event === "close")).toHaveLength(1);
      expect(new Set(events.map(({ source }) => source))).toEqual(new Set(["sock_diag"]));
    }
    const owned = ours.events().find(({ event, state }) => event === "open" && state === "LISTEN")!;
    expect(owned.process).toContain(`pid=${holder.pid}`);
  });

  test("waits for a connection, or until a timeout", async () => {
    const args = ["events", "-nt", "-d", "0.05", "--sources", "sock_diag,destroy"];
    const waiting = follow(world.within(executable, ...args, "--until", "state established sport = :5432"));
    await waiting.ready();
    const holder = Bun.spawn(world.within(process.execPath, scripts, "hold", "5432"), { stdin: "pipe" });
    expect(await waiting.ended()).toBe(0);
    const last = waiting.events().at(-1)!;
    expect([last.state, portOf(last.local)]).toEqual(["ESTAB", 5432]);
    holder.stdin.end();
    await holder.exited;
    const run = (...more: string[]) =>
      Bun.spawnSync(world.within(executable, "events", "-nt", "--sources", "sock_diag", ...more)).exitCode;
    expect(run("--timeout", "0.05")).toBe(0);
    expect(run("--timeout", "0.05", "--count", "1")).toBe(124);
    expect(run("--timeout", "0.05", "--until", "dport = :1")).toBe(124);
  });
});

describe.skipIf(tracing !== undefined)(title("events with the kernel's trace", tracing), () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const instances = () =>
    Bun.spawnSync(world.within("ls", "/sys/kernel/tracing/instances")).stdout.toString().trim().split("\n");
  const instanceOf = (pid: number) => instances().filter((name) => name.startsWith(`sockscope-${pid}-`));
  /** Whether the trace of a process is on: it is off while events are enabled. */
  const traces = (pid: number) => {
    const files = ["events/sock/inet_sock_set_state/enable", "tracing_on"];
    const paths = instanceOf(pid).flatMap((name) =>
      files.map((file) => `/sys/kernel/tracing/instances/${name}/${file}`),
    );
    return paths.length > 0 && Bun.spawnSync(world.within("cat", ...paths)).stdout.toString() === "1\n1\n";
  };

  test("every state of every socket is reported once, and follows from the one before", async () => {
    const ours = follow(world.within(executable, "events", "-nt"));
    await ours.ready();
    const { made, pid } = play<Connections>(world, "connections", "40");
    const refused = play<{ client: number; server: number }>(world, "refused");
    const key = `${refused.client} ${refused.server}`;
    const wanted = [
      ...made.flatMap(({ client, server }) => [`${client} ${server}`, `${server} ${client}`]),
      key,
    ];
    await ours.see((events) => {
      const sockets = bySocket(events);
      return wanted.every((ends) => sockets.get(ends)?.some(({ event }) => event === "close"));
    });
    await ours.end();
    const sockets = bySocket(ours.events());
    for (const ends of wanted) {
      const events = sockets.get(ends)!;
      const changes = events.filter(({ event }) => ["open", "state", "failed", "close"].includes(event));
      expect(
        changes.map(({ event }) => event).filter((event) => event !== "state" && event !== "failed"),
      ).toEqual(["open", "close"]);
      expect(changes.slice(1).map(({ old }) => old)).toEqual(changes.slice(0, -1).map(({ state }) => state));
      expect(changes[0]!.source).toBe("tracefs");
      expect(changes.at(-1)!.source).toBe("destroy");
    }
    for (const { client, server, sent } of made) {
      const events = sockets.get(`${client} ${server}`)!;
      expect(events[0]!.process).toContain(`pid=${pid}`);
      expect(events.at(-1)!.details).toContain(`bytes_sent:${sent}`);
      expect(events.at(-1)!.details).toMatch(/duration:0\.\d{6}s/);
    }
    expect(sockets.get(key)!.map(({ event }) => event)).toContain("reset");
  });

  test("writes JSON", async () => {
    const comm = basename(process.execPath);
    const ours = follow(world.within(executable, "events", "-t", "--json", "--only", "close", "comm", comm));
    await until(
      () => traces(ours.pid),
      () => "the trace",
    );
    // The heading of another run says when both have begun.
    const other = follow(world.within(executable, "events", "-nt"));
    await other.ready();
    const { made, pid } = play<Connections>(world, "connections", "2");
    await until(
      () => ours.lines().length >= 5,
      () => ours.lines().join("\n"),
    );
    await Promise.all([ours.end(), other.end()]);
    const objects = ours.lines().map((line) => JSON.parse(line));
    const [{ client, server, sent }] = made as [Connections["made"][0]];
    const [found] = objects.filter(({ local, peer }) => local.port === client && peer.port === server);
    expect(found).toMatchObject({
      event: "close",
      source: "destroy",
      newState: "UNCONN",
      netid: "tcp",
      family: "inet",
      local: { address: "127.0.0.1", port: client },
      peer: { address: "127.0.0.1", port: server },
      processes: [{ pid, comm }],
      tcpInfo: { bytesSent: sent },
    });
    expect(found.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(found.durationMs).toBeGreaterThan(0);
  });

  test("every line of JSON is as its schema says", async () => {
    const runs = ["--existing", "--all-netns"].map((option) =>
      follow(world.within(executable, "events", "-tu", "--json", option)),
    );
    for (const run of runs) await run.ready();
    const other = follow(world.within(executable, "events", "-ntu"));
    await other.ready();
    play(world, "connections", "4");
    play(world, "refused");
    const objects = () => runs.map((run) => run.lines().map((line) => JSON.parse(line)));
    await until(
      () =>
        objects().every((events) =>
          ["sources", "open", "state", "failed", "close"].every((kind) =>
            events.some(({ event }) => event === kind),
          ),
        ),
      () => JSON.stringify(objects().map((events) => events.map(({ event }) => event))),
    );
    await Promise.all([...runs, other].map((run) => run.end()));
    for (const object of objects().flat())
      if (!isEvent(object)) throw new Error(JSON.stringify({ object, errors: isEvent.errors }));
    const [event] = objects()[0]!.slice(-1);
    for (const wrong of [
      { ...event, surprise: 1 },
      { ...event, newState: "OPEN" },
      { ...event, source: 5 },
    ])
      expect(isEvent(wrong)).toBe(false);
  });

  test("sockets of other namespaces are reported only with --all-netns", async () => {
    await using stranger = await makeWorld();
    const ours = follow(world.within(executable, "events", "-nt"));
    const all = follow(world.within(executable, "events", "-nt", "--all-netns"));
    await ours.ready();
    await all.ready();
    const theirs = play<Connections>(stranger, "connections", "6");
    const own = play<Connections>(world, "connections", "6");
    const ports = ({ made }: Connections) => made.map(({ client }) => client);
    const seen = (events: readonly Line[], port: number) =>
      events.some(({ event, local }) => event === "close" && portOf(local) === port);
    const rows = () =>
      all
        .lines()
        .slice(1)
        .map((line) => lineOf(line.replace(/^(\S+) +\S+/, "$1")));
    await ours.see((events) => ports(own).every((port) => seen(events, port)));
    await until(
      () => [...ports(own), ...ports(theirs)].every((port) => seen(rows(), port)),
      () => all.lines().join("\n"),
    );
    await Promise.all([ours.end(), all.end()]);
    const mine = new Set([...own.made.flatMap(({ client, server }) => [client, server])]);
    const foreign = ours
      .events()
      .filter(({ local }) => !mine.has(portOf(local)) && !Number.isNaN(portOf(local)));
    expect(foreign).toEqual([]);
    expect(all.lines()[0]).toContain("Netns");
  });

  test("reports which process sends UDP to an address", async () => {
    const ours = follow(world.within(executable, "events", "-nu", "dst", "127.9.8.7"));
    await ours.ready();
    const { pid, port } = play<{ port: number }>(world, "udp", "127.9.8.7");
    await ours.see((events) => events.length > 0);
    await ours.end();
    const events = ours.events();
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ event: "flow", source: "fib", peer: "127.9.8.7:5353" });
    expect(events[0]!.process).toContain(`pid=${pid}`);
    expect([port, Number.NaN]).toContain(portOf(events[0]!.local));
  });

  test("reports the flows of conntrack", async () => {
    const ours = follow(world.within(executable, "events", "-nu", "--sources", "conntrack"));
    await ours.ready();
    const insert = Bun.spawnSync(
      world.within(process.execPath, join(import.meta.dirname, "events-conntrack.ts")),
    );
    expect(insert.stderr.toString()).toBe("");
    await ours.see((events) => events.length >= 2);
    await ours.end();
    expect(ours.events().map(({ event, local, peer }) => [event, local, peer])).toEqual([
      ["flow", "10.1.1.1:1111", "10.2.2.2:2222"],
      ["flow-end", "10.1.1.1:1111", "10.2.2.2:2222"],
    ]);
  });

  test("counts lost events, and still reports every end", async () => {
    const ours = follow(world.within(executable, "events", "-nt", "--trace-buffer", "4"));
    await ours.ready();
    ours.kill("SIGSTOP");
    const { made } = play<Connections>(world, "connections", "300");
    ours.kill("SIGCONT");
    const ends = made.flatMap(({ client, server }) => [`${client} ${server}`, `${server} ${client}`]);
    await ours.see((events) => {
      const closed = new Set(
        events
          .filter(({ event }) => event === "close")
          .map(({ local, peer }) => `${portOf(local)} ${portOf(peer)}`),
      );
      return ends.every((key) => closed.has(key)) && events.some(({ event }) => event === "lost");
    });
    await ours.end();
    const lost = ours.events().filter(({ event }) => event === "lost");
    expect(lost[0]).toMatchObject({ source: "tracefs" });
    expect(
      Number(/events:(\d+)/.exec(ours.lines().find((line) => / lost /.test(line))!)![1]),
    ).toBeGreaterThan(100);
    const closes = ours.events().filter(({ event }) => event === "close");
    expect(new Set(closes.map(({ local, peer }) => `${local} ${peer}`)).size).toBe(closes.length);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGKILL"] as const)(
    "%s is its status, and its trace instances are removed",
    async (signal) => {
      const ours = follow(world.within(executable, "events", "-ntu"));
      await ours.ready();
      expect(instanceOf(ours.pid)).not.toEqual([]);
      expect((await ours.end(signal)).status).toBe(128 + constants.signals[signal]);
      // The watchdog removes them.
      await until(
        () => instanceOf(ours.pid).length === 0,
        () => instances().join(" "),
      );
    },
  );

  test("leaves tracefs as it was when its reader ends, even without an event", async () => {
    const command = world.within(executable, "events", "-nt").map((word) => `'${word}'`);
    const text = `${command.join(" ")} | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = Bun.spawnSync(["bash", "-c", text]);
    expect(stdout.toString()).toMatch(/^Time .*\n141\n$/);
    await until(
      () => instances().every((name) => alive(name)),
      () => instances().join(" "),
    );
  });

  test("removes instances of processes that are gone", async () => {
    const { stdout } = Bun.spawnSync(world.within("readlink", "/proc/self/ns/pid"));
    const namespace = /\d+/.exec(stdout.toString())![0];
    // No process has this pid: it is beyond the largest that Linux allows.
    const stale = `sockscope-4194305-1-tracefs-${namespace}`;
    const made = Bun.spawnSync(world.within("mkdir", `/sys/kernel/tracing/instances/${stale}`));
    expect(made.exitCode).toBe(0);
    Bun.spawnSync(world.within(executable, "events", "-nt", "--timeout", "0"));
    expect(instances()).not.toContain(stale);
  });
});

/** Whether the process of an instance is alive. */
function alive(name: string): boolean {
  const pid = /^sockscope-(\d+)-/.exec(name)?.[1];
  return pid === undefined || existsSync(`/proc/${pid}`);
}
