import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { parseIpv6 } from "../../src/model/address.ts";
import { states } from "../../src/model/state.ts";
import { type FactoryName, factories } from "./factories.ts";
import { makeWorld, obstacle, type World } from "./namespace.ts";
import { normalise, releaseOf } from "./normalise.ts";

const executable = join(import.meta.dirname, "../../dist/sockscope");
/** Attempts before giving up, because two runs of ss may differ: a retransmission, a timer. */
const ATTEMPTS = 50;
/** ss takes seconds for `-p` on a host with many descriptors. */
const TIMEOUT_MS = 120_000;

const release = Bun.which("ss") ? releaseOf(Bun.spawnSync(["ss", "-V"]).stdout.toString()) : undefined;
const noMptcp = existsSync("/proc/sys/net/mptcp/enabled") ? undefined : "this kernel has no MPTCP";
const noSs = release === undefined ? "ss is not installed" : undefined;

/** Removes values that change between two runs. */
type Mask = (text: string) => string;
const nothing: Mask = (text) => text;
const times: Mask = (text) => text.replace(/(timer:\(\w+),[^,]*/g, "$1,TIME");
const ages: Mask = (text) => text.replace(/ (?:last(?:snd|rcv|ack)|busy|last_\w+):\d+(?:ms)?/g, "");
/** The netlink socket of the program that lists them, with and without `-n`. */
const self: Mask = (text) =>
  // Its name may be the longest, which sets the column's width.
  text.replace(/^.* (?:tcpdiag:(?!kernel)|4:(?!0 )).*\n/gm, "").replace(/ +/g, " ");
/** An ss before 6.8 does not request NEW-SYN-RECV, the kernel's state of a half-open connection. */
const halfOpen: Mask = (text) => text.replace(/^SYN-RECV.*\n/gm, "");

/**
 * Reads ours between two readings of theirs that agree with each other: so nothing changed under way.
 *
 * @throws if theirs never agree
 */
function agreed<T>(what: string, readTheirs: () => T, readOurs: () => T): { ours: T; theirs: T } {
  let found: { ours: T; theirs: T } | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const theirs = readTheirs();
    const ours = readOurs();
    if (!Bun.deepEquals(theirs, readTheirs())) continue;
    found = { ours, theirs };
    // Some counts cover the whole machine, so only a lasting difference counts.
    if (Bun.deepEquals(theirs, ours)) break;
  }
  if (found === undefined) throw new Error(`${what} does not agree with itself`);
  return found;
}

/** Expects our output to equal that of ss. */
function expectSame(world: World, args: readonly string[], mask: Mask = nothing): void {
  const seen = (program: string, from: "ss" | "ours") => {
    const { stdout, stderr, exit } = world.run([program, ...args]);
    const text = (each: string) => mask(normalise(each, from, release!));
    return { stdout: text(stdout), stderr: text(stderr), exit };
  };
  const { ours, theirs } = agreed(
    `ss ${args.join(" ")}`,
    () => seen("ss", "ss"),
    () => seen(executable, "ours"),
  );
  expect(theirs.exit).toBe(0);
  expect(ours).toEqual(theirs);
}

/** The rows of a listing. */
function rowsOf(world: World, ...args: string[]): string[][] {
  const { stdout } = world.run([executable, "-H", ...args]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd().split(/ +/));
}

/** An address and port as /proc/net/tcp writes them: 32-bit words of the host's byte order in hex. */
function procAddress({ address, port }: Endpoint): string {
  const bytes = isIPv4(address) ? Uint8Array.from(address.split("."), Number) : parseIpv6(address)!;
  const words = new Uint32Array(bytes.slice().buffer);
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");
  return `${[...words].map((word) => hex(word, 8)).join("")}:${hex(port, 4)}`;
}

/** An end of a connection, in our JSON. */
interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The fields of a socket that our JSON and /proc/net/tcp share. */
interface TcpRow {
  readonly local: Endpoint;
  readonly peer: Endpoint;
  readonly state: string;
  readonly recvQueueBytes?: number;
  readonly backlog?: number;
  readonly sendQueueBytes?: number;
  readonly uid: number;
  readonly inode: number;
}

/** The TCP sockets in the words of /proc/net/tcp, sorted: addresses, state, queues, uid, inode. */
function tcpRows(world: World): string[] {
  const { stdout } = world.run([executable, "-tan", "--json"]);
  return (JSON.parse(stdout) as TcpRow[])
    .map(({ local, peer, state, recvQueueBytes, sendQueueBytes = 0, backlog, uid, inode }) => {
      const number = states.findIndex(({ label }) => label === state);
      const queues = [sendQueueBytes, recvQueueBytes ?? backlog];
      return [procAddress(local), procAddress(peer), number, ...queues, uid, inode].join(" ");
    })
    .sort();
}

/** The same from /proc/net/tcp and tcp6. */
function procRows(world: World): string[] {
  const { stdout } = world.run(["cat", "/proc/self/net/tcp", "/proc/self/net/tcp6"]);
  return stdout
    .split("\n")
    .filter((line) => /^ *\d+:/.test(line))
    .map((line) => {
      const [, local, peer, state, queues, , , uid, , inode] = line.trim().split(/ +/);
      const numbers = [state, ...queues!.split(":")].map((hex) => Number.parseInt(hex!, 16));
      return [local, peer, ...numbers, uid, inode].join(" ");
    })
    .sort();
}

/** Declares tests that share a world, or skips them and says why. */
function inWorld(
  title: string,
  names: readonly FactoryName[],
  reason: string | undefined,
  body: (world: () => World) => void,
): void {
  const why = obstacle ?? reason;
  describe.skipIf(why !== undefined)(why === undefined ? title : `${title} (skipped: ${why})`, () => {
    let world: World | undefined;
    beforeAll(async () => {
      if (!existsSync(executable)) throw new Error(`There is no ${executable}: npm run build:cli`);
      world = await makeWorld(names);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());
    body(() => world!);
  });
}

/** Declares a comparison with ss for each command line. */
function compare(world: () => World, lines: readonly (readonly [line: string, mask?: Mask])[]): void {
  for (const [line, mask] of lines)
    test.skipIf(noSs !== undefined)(
      noSs === undefined ? `${line} is as ss prints it` : `${line} (skipped: ${noSs})`,
      () => expectSame(world(), line.split(" "), mask),
      TIMEOUT_MS,
    );
}

/** The factories whose names begin with a prefix. */
function named(prefix: string): FactoryName[] {
  return (Object.keys(factories) as FactoryName[]).filter((name) => name.startsWith(prefix));
}

/** All factories except those that an ss before 6.8 does not list. */
function withoutBound(names: readonly FactoryName[]): FactoryName[] {
  return names.filter((name) => name !== "tcp-bound");
}

inWorld("TCP", withoutBound(named("tcp-")), undefined, (world) => {
  test("lists every state that can be produced on loopback", () => {
    const states = new Set(rowsOf(world(), "-tan").map(([state]) => state));
    expect([...states].sort()).toEqual([
      "CLOSE-WAIT",
      "CLOSING",
      "ESTAB",
      "FIN-WAIT-1",
      "FIN-WAIT-2",
      "LAST-ACK",
      "LISTEN",
      "SYN-RECV",
      "SYN-SENT",
      "TIME-WAIT",
    ]);
  });
  test("agrees with /proc/net/tcp and tcp6", () => {
    const rows = agreed(
      "/proc/net/tcp",
      () => procRows(world()),
      () => tcpRows(world()),
    );
    expect(rows.ours).toEqual(rows.theirs);
  });
  test("queues count bytes that were sent but not read", () => {
    const queues = rowsOf(world(), "-tn", "state", "established").map(([receive, send]) => [receive, send]);
    expect(queues).toContainEqual(["1234", "0"]);
    expect(queues).toContainEqual(["0", "4321"]);
  });
  test("a full backlog shows its limit", () => {
    expect(rowsOf(world(), "-tln").map(([, receive, send]) => [receive, send])).toContainEqual(["2", "1"]);
  });
  compare(world, [
    ["-tan"],
    ["-Htan"],
    ["-Hta"],
    ["-Htn", halfOpen],
    ["-Htln"],
    ["-Htuln"],
    ["-H4tan"],
    ["-H6tan"],
    ["-Htao", times],
    ["-Htae", times],
    ["-Htam"],
    ["-Htanoem", times],
    ["-Htani", ages],
    ["-Htai", ages],
    ["-HtanoiO", (text) => ages(times(text))],
    ["-Htan --tos"],
    ["-Htan --cgroup"],
    ["-Htan --inet-sockopt"],
    ["-Htanp"],
    ["-HtanpeO", times],
    ...[
      "established",
      "syn-sent",
      "syn-recv",
      "fin-wait-1",
      "fin-wait-2",
      "time-wait",
      "close-wait",
      "last-ack",
      "closing",
      "listening",
      "connected",
      "synchronized",
      "bucket",
    ].map((state) => [`-Htn state ${state}`] as const),
    ["-Htn state big", halfOpen],
    ["-Htn dst 127.0.0.1", halfOpen],
    ["-Htn src [::1] or dst [::ffff:127.0.0.1]"],
    ["-Htan sport gt :1024 and not dport gt :1024"],
    ["-Htln dev lo"],
    ["-Htan fwmark = 0x1234"],
    ["-Htan exclude time-wait exclude listening"],
  ]);
});

inWorld("TCP that is bound and no more", ["tcp-bound"], undefined, (world) => {
  test("is listed with -a and with -B", () => {
    const row = ["UNCONN", "0", "0", "127.0.0.9:909", "0.0.0.0:*"];
    expect(rowsOf(world(), "-tan")).toEqual([row]);
    expect(rowsOf(world(), "-tBn")).toEqual([row.slice(1)]);
    expect(rowsOf(world(), "-tln")).toEqual([[""]]);
  });
});

inWorld("UDP", named("udp-"), undefined, (world) => {
  compare(world, [["-uan"], ["-Huan"], ["-Huln"], ["-Hun"], ["-Huaem"], ["-Huanp"], ["-Huani"]]);
});

inWorld("UNIX", named("unix-"), undefined, (world) => {
  compare(world, [["-xa"], ["-Hxa"], ["-Hxl"], ["-Hx"], ["-Hxae"], ["-Hxaem"], ["-Hxap"], ["-Ha -A u_seq"]]);
});

inWorld("raw", ["raw"], undefined, (world) => {
  compare(world, [["-wa"], ["-Hwan"], ["-Hwane"]]);
});

inWorld("packet", ["packet"], undefined, (world) => {
  compare(world, [["-0a"], ["-H0an"], ["-H0ae"], ["-H0am"]]);
});

inWorld("netlink", ["netlink"], undefined, (world) => {
  compare(world, [
    ["-H -a -f netlink", self],
    ["-Han -f netlink", self],
  ]);
});

inWorld("MPTCP", named("mptcp-"), noMptcp, (world) => {
  compare(world, [["-Ma"], ["-HMan"], ["-HMani", ages], ["-HMaem"], ["-Htani", ages]]);
});

inWorld("everything at once", withoutBound(named("")), undefined, (world) => {
  compare(world, [
    ["-a", self],
    ["-xa"],
    ["-0a"],
    ["-wa"],
    ["-Ma"],
    ["-f netlink", self],
    ["-s"],
    ["-Htuan"],
  ]);
});
