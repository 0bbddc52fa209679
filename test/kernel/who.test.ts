import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HabitWorld, habitObstacle, makeHabitWorld } from "./habits-world.ts";
import { corpusFolder } from "./netstat-corpus.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
const obstacle = habitObstacle("ss");

/** What `who --json` prints, as far as the tests read it. */
interface Answer {
  readonly target: object;
  readonly processes: readonly {
    readonly role: string;
    readonly pid: number;
    readonly name: string;
    readonly user: string;
    readonly exe: string;
    readonly cmdline: readonly string[];
    readonly cwd: string;
    readonly ageMs: number;
    readonly parents: readonly { readonly pid: number }[];
    readonly container?: { readonly id: string };
    readonly listeners: readonly { readonly local: string; readonly isTarget: boolean }[];
    readonly inbound: {
      readonly count: number;
      readonly peers: readonly {
        readonly peer: string;
        readonly processes: readonly { readonly name: string }[];
      }[];
    };
    readonly outbound: { readonly count: number };
    readonly others: Readonly<Record<string, number>>;
  }[];
  readonly withoutProcess: readonly { readonly reason: string; readonly count: number }[];
  readonly notes: readonly string[];
}

describe.skipIf(obstacle !== undefined)(`who${obstacle ? ` (${obstacle})` : ""}`, () => {
  let world: HabitWorld;
  beforeAll(async () => {
    world = await makeHabitWorld();
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  function ask(...args: string[]): Answer {
    const { stdout, stderr } = world.run([executable, "who", "--json", ...args]);
    expect(stderr).toBe("");
    return JSON.parse(Buffer.from(stdout, "latin1").toString("utf8")) as Answer;
  }

  /** The port of a socket in a state. */
  function portIn(state: string): string {
    const { stdout } = world.run([executable, "-tan", "--json", "state", state]);
    const [socket] = JSON.parse(stdout) as { readonly local: { readonly port: number } }[];
    return String(socket!.local.port);
  }

  test("a port has a process, with its parents, place, age, listeners and peers", () => {
    const { processes } = ask("8080");
    expect(processes).toHaveLength(1);
    const [holder] = processes;
    expect(holder).toMatchObject({
      role: "holder",
      name: "evil\x1b[31m\nx y",
      user: "root",
      cwd: world.folder,
    });
    expect(holder!.exe).toBe(process.execPath);
    expect(holder!.cmdline[0]).toBe(process.execPath);
    expect(holder!.ageMs).toBeGreaterThanOrEqual(0);
    expect(holder!.parents.map(({ pid }) => pid)).toEqual([1]);
    expect(holder!.listeners).toEqual([expect.objectContaining({ local: "127.0.0.1:8080", isTarget: true })]);
    expect(holder!.inbound).toMatchObject({ count: 1, peers: [{ peer: "127.0.0.1" }] });
    expect(holder!.inbound.peers[0]!.processes.map(({ name }) => name)).toEqual(["client"]);
  });

  test("a process has the same listeners and connections, and what it connects to", () => {
    const [client] = ask("8443").processes.flatMap(({ inbound }) =>
      inbound.peers.flatMap(({ processes }) => processes),
    );
    const pid = String((client as unknown as { readonly pid: number }).pid);
    const [found] = ask(`pid=${pid}`).processes;
    expect(found).toMatchObject({
      name: "client",
      user: "www-data",
      inbound: { count: 0 },
      outbound: { count: 6 },
    });
    // No socket has its number as a port.
    expect(ask(pid)).toMatchObject({ target: { pid: Number(pid) } });
  });

  test("an address is found at either end", () => {
    const { processes } = ask("::1");
    expect(processes.map(({ name }) => name)).toContain("longcommandname");
    expect(processes.every(({ role }) => role === "holder")).toBe(true);
  });

  test.each([
    ["time-wait", "time-wait"],
    ["syn-recv", "handshake"],
    ["fin-wait-2", undefined],
  ])("sockets in %s are explained", (state, reason) => {
    const found = ask(portIn(state)).withoutProcess.map((each) => each.reason);
    if (reason === undefined) expect(found).not.toContain("time-wait");
    else expect(found).toContain(reason);
  });

  test("another user sees whose sockets they are, and why not more", () => {
    const { stdout, exit } = world.run([executable, "who", "8080"], { uid: 65534 });
    expect(exit).toBe(0);
    expect(stdout).toContain("2 sockets whose process is not known");
    expect(stdout).toContain("Run this as root to see which.");
    expect(stdout).toContain("tcp LISTEN 127.0.0.1:8080 0.0.0.0:* of root");
  });

  test.each([20, 40, 80, 200])(
    "it fits a terminal of %i columns, and sends it no control character",
    (columns) => {
      for (const word of ["8080", "127.0.0.1", "pid=1"]) {
        const { stdout } = world.run([executable, "who", word], { columns });
        const lines = stdout.replaceAll("\r\n", "\n").split("\n");
        for (const line of lines) {
          expect(Bun.stringWidth(Buffer.from(line, "latin1").toString("utf8"))).toBeLessThanOrEqual(columns);
          expect(line).toMatch(/^[\x20-\x7e\x80-\xff]*$/);
        }
      }
    },
  );

  test.each([
    [[":9"], 1, "nothing has port 9"],
    [["pid=4194303"], 1, "nothing has process 4194303"],
    [[], 255, "one operand is needed"],
    [["80", "81"], 255, "one operand is needed"],
    [["a b"], 255, '"a b" is not a port'],
    [["99999999"], 255, '"99999999" is not a port'],
    [["-K", "80"], 255, "who does not accept --kill"],
  ])("%j ends with %i", (args, status, message) => {
    const { stdout, stderr, exit } = world.run([executable, "who", ...args]);
    expect({ stdout, exit }).toEqual({ stdout: "", exit: status });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd()).not.toContain("\n");
  });
});

test("a recorded /proc has the container of a process, and of its peers with --container", () => {
  const env = { PROC_ROOT: join(corpusFolder, "odd") };
  const json = Bun.spawnSync([executable, "who", "--json", "8080"], { env });
  const { processes } = JSON.parse(json.stdout.toString()) as Answer;
  expect(processes).toMatchObject([{ pid: 700, name: "a long (name)", container: { runtime: "docker" } }]);
  const text = Bun.spawnSync([executable, "who", "--container", "8080"], { env }).stdout.toString();
  expect(text).toContain("a long (name) (700, docker:abababababab)");
});

test("docs/who.md has every key of the JSON", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/who.md"), "utf8");
  const json = Bun.spawnSync([executable, "who", "--json", `pid=${process.pid}`]).stdout.toString();
  const answer = JSON.parse(json) as Answer;
  for (const key of [...Object.keys(answer), ...Object.keys(answer.processes[0]!)])
    expect(page).toContain(key);
});
