/** What `events` says of itself and of sockets: missing sources, processes, failed connects, sockets at the start. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { basename } from "node:path";
import {
  executable,
  follow,
  type Line,
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

const nobody = root ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
const comm = basename(process.execPath).slice(0, 15);
const SERVER_PORT = 7081;

/** Starts a server that accepts and closes. */
async function serve(world: World, port: number) {
  const server = Bun.spawn(world.within(process.execPath, scripts, "serve", String(port)), {
    stdout: "pipe",
  });
  const { value } = await server.stdout.getReader().read();
  const { pid } = JSON.parse(new TextDecoder().decode(value));
  return {
    pid: pid as number,
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await server.exited;
    },
  };
}

/** The shell line that connects as often, each time in a short-lived process of its own. */
const connects = (count: number, port: number) =>
  `for i in $(seq ${count}); do bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}; read -u 3'; done; true`;

const closesOf = (events: readonly Line[], port: number) =>
  events.filter(
    ({ event, local, peer }) => event === "close" && (portOf(local) === port || portOf(peer) === port),
  );

describe.skipIf(obstacle !== undefined)(title("events without the trace", obstacle), () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const run = (...args: string[]) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      world.within(...nobody, executable, "events", "-n", ...args),
    );
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };

  test("missing sources are named in one line, with what is missing then", () => {
    const { stderr } = run("--timeout", "0");
    expect(stderr).toMatch(/^sockscope: events: [^\n]+\n$/);
    expect(stderr).toContain(
      "without tracefs and fib (it needs root): no changes of state between two listings",
    );
    expect(stderr).toContain("processes of short connections, no UDP senders");
  });

  test("what was not selected is not missing, nor are sources that were not wanted", () => {
    expect(run("-t", "--timeout", "0").stderr).not.toContain("fib");
    expect(run("--sources", "sock_diag,destroy", "--timeout", "0").stderr).toBe("");
  });

  test("JSON begins with the sources, unless other kinds are wanted", () => {
    const [line, ...rest] = run("-t", "--json", "--timeout", "0").stdout.trimEnd().split("\n");
    expect(rest).toEqual([]);
    expect(JSON.parse(line!)).toMatchObject({
      event: "sources",
      sources: {
        sock_diag: { used: true },
        destroy: { used: true },
        tracefs: { used: false, obstacle: "it needs root", missing: expect.stringContaining("failed") },
        fib: { used: false, obstacle: "it reports UDP, which is not selected" },
      },
    });
    expect(run("--json", "--only", "close", "--timeout", "0").stdout).toBe("");
  });

  test("--existing begins with the sockets that are there, --until looks at them", async () => {
    const args = ["--sources", "sock_diag"];
    await using holder = hold(world, "hold", "7082");
    await using sender = hold(world, "sender", "127.4.4.4");
    await holder.ready;
    await sender.ready;
    const existing = run(...args, "--existing", "--timeout", "0", "sport = :7082 or dst 127.4.4.4").stdout;
    const lines = existing.split("\n").filter((line) => line.includes(" existing "));
    expect(lines.find((line) => line.includes("LISTEN"))).toContain("127.0.0.1:7082");
    expect(lines.find((line) => line.includes("127.4.4.4:5353"))).toContain("udp");
    expect(run(...args, "--timeout", "0", "sport = :7082").stdout).not.toContain("existing");
    const ended = run(...args, "--timeout", "0", "--until", "state listening sport = :7082");
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toContain("existing");
    expect(run(...args, "--timeout", "0", "--until", "state listening sport = :7083").exitCode).toBe(124);
    // Who wants closes only does not wait for what is there.
    const closes = ["--only", "close", "--until", "sport = :7082"];
    expect(run(...args, "--timeout", "0", ...closes).exitCode).toBe(124);
  });

  test.skipIf(Bun.which("script") === null)("ends with a summary on a terminal, and only there", () => {
    const line = `${executable} events -nt --sources sock_diag --timeout 0`;
    const { stdout } = Bun.spawnSync(world.within("script", "-qec", line, "/dev/null"), { stdin: "ignore" });
    expect(stdout.toString()).toMatch(/0 events in \d+\.\d s\r?\n$/);
    expect(run("--sources", "sock_diag", "--timeout", "0").stderr).toBe("");
  });
});

/** Starts a script that lasts until it is disposed. */
function hold(world: World, ...args: string[]) {
  const child = Bun.spawn(world.within(process.execPath, scripts, ...args), { stdin: "pipe" });
  return {
    ready: child.stdout.getReader().read(),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await child.exited;
    },
  };
}

describe.skipIf(tracing !== undefined)(title("events with the trace", tracing), () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** A command in mount namespaces of its own where tracefs is not mounted. */
  const withoutTracefs = (...command: string[]) => [
    ...["unshare", "--mount", "--", "sh", "-c"],
    'while umount -q /sys/kernel/tracing; do :; done; while umount -q /sys/kernel/debug; do :; done; exec "$@"',
    ...["sh", ...command],
  ];

  test("-N mounts tracefs for itself, and traces", async () => {
    const ours = follow(withoutTracefs(executable, "events", "-N", `pid:${world.pid}`, "-nt"));
    await ours.ready();
    const { made, pid } = play<{ made: { client: number; server: number }[] }>(world, "connections", "1");
    const [{ client, server }] = made as [{ client: number; server: number }];
    await ours.see((events) => closesOf(events, client).length === 2);
    const { complaints } = await ours.end();
    expect(complaints).toBe("");
    const open = ours
      .events()
      .find(
        ({ event, local, peer }) => event === "open" && portOf(local) === client && portOf(peer) === server,
      );
    expect(open).toMatchObject({ source: "tracefs", state: "SYN-SENT" });
    expect(open!.process).toContain(`pid=${pid}`);
  });

  test("--sources help says that tracefs is mounted for this run", () => {
    const { stdout } = Bun.spawnSync(withoutTracefs(executable, "events", "--sources", "help"));
    expect(stdout.toString()).toMatch(/^tracefs .*\n +yes\n +tracefs is mounted for this run only$/m);
  });

  test("the processes of 100 short connections are named on both sides", async () => {
    await using server = await serve(world, SERVER_PORT);
    const filter = `sport = :${SERVER_PORT} or dport = :${SERVER_PORT}`;
    const ours = follow(world.within(executable, "events", "-nt", filter));
    await ours.ready();
    const { exitCode } = Bun.spawnSync(world.within("bash", "-c", connects(100, SERVER_PORT)));
    expect(exitCode).toBe(0);
    await ours.see((events) => closesOf(events, SERVER_PORT).length >= 200);
    await ours.end();
    const events = ours.events().filter(({ event }) => event === "open" || event === "close");
    const clients = events.filter(({ peer }) => portOf(peer) === SERVER_PORT);
    const accepted = events.filter(({ local, peer }) => portOf(local) === SERVER_PORT && portOf(peer) > 0);
    expect(clients).toHaveLength(200);
    expect(accepted).toHaveLength(200);
    expect(clients.filter(({ process }) => !/^users:\(\("bash",pid=\d+/.test(process))).toEqual([]);
    expect(accepted.filter(({ process }) => !process.includes(`pid=${server.pid}`))).toEqual([]);
  });

  test("in a PID namespace no process is named wrongly", async () => {
    const port = 7084;
    // Decoys with the pids that the connecting processes have in the initial PID namespace.
    const script = [
      "first=$(($1 + 1000))",
      `"$2" "$3" serve ${port} > /dev/null & server=$!`,
      `"$4" events -nt 'sport = :${port} or dport = :${port}' > $5.out & events=$!`,
      'until [ -s "$5.out" ]; do sleep 0.05; done',
      "echo $first > /proc/sys/kernel/ns_last_pid",
      "mkfifo $5",
      "for i in $(seq 500); do bash -c 'printf decoy > /proc/self/comm; read x < '$5 & done",
      connects(3, port),
      'until [ "$(grep -c " close " "$5.out")" -ge 6 ]; do sleep 0.05; done',
      "kill -INT $events",
      "wait $events",
      'cat "$5.out"',
    ];
    const fifo = `/tmp/sockscope-decoys-${process.pid}`;
    const last = await Bun.file("/proc/sys/kernel/ns_last_pid").text();
    const child = Bun.spawnSync([
      ...["timeout", String(PATIENCE_MS / 1000)],
      ...world.within("unshare", "--pid", "--fork", "--mount", "--mount-proc", "--kill-child", "bash", "-c"),
      ...[script.join("\n"), "bash", last.trim(), process.execPath, scripts, executable, fifo],
    ]);
    Bun.spawnSync(["rm", "-f", fifo, `${fifo}.out`]);
    const lines = child.stdout.toString().split("\n");
    const open = lines.filter((line) => / open .*SYN-SENT/.test(line));
    expect(open).toHaveLength(3);
    // A process that still runs may be unknown.
    for (const line of open) expect(line).toMatch(/(users:\(\("bash"\)\)| -)$/);
    const closed = lines.filter((line) =>
      new RegExp(` close .*127\\.0\\.0\\.1:${port} +users:.*bash`).test(line),
    );
    expect(closed).toHaveLength(3);
    const accepted = lines.filter((line) => new RegExp(` open .*SYN-RECV .*:${port} `).test(line));
    expect(accepted).toHaveLength(3);
    for (const line of accepted) expect(line.includes(`("${comm}"`) || line.endsWith(" -")).toBeTrue();
    expect(lines.filter((line) => line.includes("decoy"))).toEqual([]);
  });

  describe("a connect that fails", () => {
    const NEIGHBOUR = "10.77.0.8";
    const NOBODY = "10.77.0.9";

    beforeAll(() => {
      const lines = [
        "ip link add ev0 type veth peer name ev1",
        "ip addr add 10.77.0.1/24 dev ev0; ip link set ev0 up; ip link set ev1 up",
        // A host that never answers, and one that cannot be found.
        `ip neigh add ${NEIGHBOUR} lladdr 02:00:00:00:00:01 dev ev0 nud permanent`,
        "echo 1 > /proc/sys/net/ipv4/neigh/ev0/mcast_solicit",
        "echo 50 > /proc/sys/net/ipv4/neigh/ev0/retrans_time_ms",
        "echo 1 > /proc/sys/net/ipv4/tcp_syn_retries",
        // Since Linux 6.5.
        "echo 0 > /proc/sys/net/ipv4/tcp_syn_linear_timeouts || true",
      ];
      const made = Bun.spawnSync(world.within("sh", "-ec", lines.join("\n")));
      if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    });

    test.each([
      ["refused", ["fail", "127.0.0.9"], "refused syns:1 duration:"],
      ["unreachable", ["fail", NOBODY], "unreachable syns:1 duration:"],
      ["timed out", ["fail", NEIGHBOUR], "timed-out syns:2 duration:"],
      ["abandoned", ["abandon", NEIGHBOUR], "abandoned syns:1 duration:"],
    ] as const)("is an event: %s", async (_, args, details) => {
      const filter = `dst ${args[1]}:7`;
      const ours = follow(world.within(executable, "events", "-nt", "--only", "failed", filter));
      const json = follow(world.within(executable, "events", "-nt", "--json", filter));
      await ours.ready();
      await json.ready();
      const { pid } = play(world, ...args);
      await ours.see((events) => events.length > 0);
      await until(
        () => json.lines().some((line) => JSON.parse(line).event === "close"),
        () => json.lines().join("\n"),
      );
      await Promise.all([ours.end(), json.end()]);
      expect(ours.events()).toHaveLength(1);
      const [failed] = ours.events();
      expect(failed).toMatchObject({ old: "SYN-SENT", state: "UNCONN", source: "tracefs" });
      expect(failed!.peer).toBe(`${args[1]}:7`);
      expect(failed!.process).toContain(`pid=${pid}`);
      expect(`${failed!.details}`).toStartWith(details);
      const objects = json.lines().map((line) => JSON.parse(line));
      expect(objects.filter(({ event }) => event === "failed")).toMatchObject([
        {
          reason: details.split(" ")[0]!.replace("-", " "),
          synsSent: Number(/syns:(\d)/.exec(details)![1]),
          processes: [{ pid }],
          durationMs: expect.any(Number),
        },
      ]);
    });
  });
});
