/** What `--explain` and the doctor say of connections that are limited by something, made of real sockets. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { obstacle, startWorld, type World } from "./namespace.ts";
import { pathObstacle } from "./slow-path.ts";

// A loaded machine may take its time.
setDefaultTimeout(120_000);

const executable = join(import.meta.dirname, "../../dist/sockscope");
const title = (text: string, why: string | undefined) =>
  why === undefined ? text : `${text} (skipped: ${why})`;
const noPath = obstacle ?? pathObstacle();

interface Explained {
  readonly state: string;
  readonly local: { readonly port: number };
  readonly peer: { readonly port: number };
  readonly explanation?: { readonly limit: string; readonly sentence: string };
}

/** Which end of a connection: that with this port, or its peer. */
type End = "local" | "peer";

function sockets(world: World): Explained[] {
  const { stdout, stderr } = world.run([executable, "-tan", "--explain", "--json"]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Explained[];
}

/** Asks until a socket is limited by something, as queues and windows take a moment to fill. @returns the sentence */
async function sentenceOf(world: World, end: End, port: number, limit: string, state?: string) {
  const found: unknown[] = [];
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = sockets(world).find(
      (each) =>
        each[end].port === port && each.state !== "LISTEN" && (state === undefined || each.state === state),
    );
    if (socket?.explanation?.limit === limit) return socket.explanation.sentence;
    found.push(socket?.explanation);
    await Bun.sleep(20);
  }
  throw new Error(`Never limited by ${limit}: ${JSON.stringify(found.at(-1))}`);
}

interface Found {
  readonly rule: string;
  readonly severity: string;
  readonly title: string;
  readonly values: Readonly<Record<string, number | string>>;
  readonly socketCount: number;
  readonly sockets: readonly Explained[];
}

const rules = [
  "dead-peer",
  "receiver-not-reading",
  "peer-not-reading",
  "retransmissions",
  "bufferbloat",
  "send-buffer",
  "peer-window",
  "application-limited",
  "keepalive",
];

function findings(world: World, forTime: string, ...settings: string[]): Found[] {
  const { stdout, stderr } = world.run([
    executable,
    "doctor",
    "--json",
    "--for",
    forTime,
    ...rules.flatMap((rule) => ["--rule", rule]),
    ...settings.flatMap((setting) => ["--set", setting]),
  ]);
  expect(stderr).toBe("");
  return (JSON.parse(stdout) as { findings: Found[] }).findings;
}

/** The only finding of a rule. */
function only(all: readonly Found[], rule: string): Found {
  const found = all.filter((each) => each.rule === rule);
  expect(found.map((each) => each.title)).toHaveLength(1);
  return found[0]!;
}

describe.skipIf(obstacle !== undefined)(title("connections that stand still", obstacle), () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld("limits-world.ts", ["stalled"]);
    // Both timers need a while: a second for the SYN, 0.2 + 0.4 + 0.8 s for three times the same data.
    await sentenceOf(world, "peer", 6001, "no-answer");
    await sentenceOf(world, "peer", 6002, "no-answer");
  });

  afterAll(async () => world[Symbol.asyncDispose]());

  test.each<[number, End, string, string | undefined, RegExp]>([
    [
      6001,
      "peer",
      "no-answer",
      "SYN-SENT",
      /the SYN was sent \d times, and the next one goes out in [\d.]+ m?s\.$/,
    ],
    [6002, "peer", "no-answer", "ESTAB", /: 5000 bytes wait, the first of them sent \d times, .* ago\.$/],
    [
      6003,
      "peer",
      "peer-not-reading",
      "ESTAB",
      /its window is closed.*, and [\d.]+ [kM]B wait here, and the next probe/,
    ],
    [
      6003,
      "local",
      "receiver-not-reading",
      "ESTAB",
      /bytes have arrived that it has not read, so that the window .* is closed/,
    ],
    [
      6004,
      "local",
      "receiver-not-reading",
      "ESTAB",
      /^The local program: 1234 bytes have arrived that it has not read; /,
    ],
    [6007, "local", "local-close", "CLOSE-WAIT", /the peer has closed, and the program has not\.$/],
    [6007, "peer", "peer-close", "FIN-WAIT-2", /this end has closed, and the peer has not/],
    [6009, "peer", "no-answer", "FIN-WAIT-1", /the FIN was sent \d times/],
    [
      6010,
      "peer",
      "idle",
      "ESTAB",
      /no data went either way for .* s, and the next keepalive probe is in (2 h|1 h 59 min)\.$/,
    ],
    [6020, "local", "idle", "ESTAB", /^Nothing: no data went either way/],
  ])("port %d (%s): %s", async (port, end, limit, state, text) => {
    expect(await sentenceOf(world, end, port, limit, state)).toMatch(text);
  });

  test("listeners tell their queues", () => {
    const listener = (port: number) =>
      sockets(world).find(({ state, local }) => state === "LISTEN" && local.port === port)?.explanation;
    expect(listener(6005)).toEqual({
      limit: "accept-queue",
      sentence: "The local program: 1 connection waits to be accepted (backlog 4).",
    });
    expect(listener(6006)).toEqual({
      limit: "listening",
      sentence: "Listening: no connection waits to be accepted (backlog 4).",
    });
  });

  test("TCP_CORK holds back less than a segment", async () => {
    await using corked = await startWorld("limits-world.ts", ["corked"]);
    expect(await sentenceOf(corked, "peer", 6008, "nagle")).toMatch(
      /^TCP_CORK or the like: \d+ bytes wait, which is less than a segment of \d+, and nothing is in flight\.$/,
    );
  });

  test("the table says each field in words below its row", () => {
    const { stdout } = world.run([executable, "-tnH", "--explain", "dport = :6003"]);
    const [row, sentence, ...lines] = stdout.split("\n");
    expect(row).toMatch(/^ESTAB +0 +\d+ +127\.0\.0\.1:\d+ +127\.0\.0\.1:6003 *$/);
    expect(sentence).toMatch(/^ {4}The peer does not read: .*\.$/);
    expect(lines).toContain("    Windows");
    expect(stdout).toMatch(/^ {6}rwnd_limited +[\d.]+ s +time limited by the peer's window$/m);
    expect(stdout).toMatch(/^ {6}zero or no: .*\bsnd_wnd\b/m);
  });

  test("--info shows ss's own line, too", () => {
    const { stdout } = world.run([executable, "-tinH", "--explain", "dport = :6003"]);
    expect(stdout).toMatch(/^\t .* rwnd_limited:\d+ms\(\d/m);
    expect(stdout).toMatch(/^ {4}The peer does not read/m);
  });

  test("--oneline puts the sentence behind the row", () => {
    const { stdout } = world.run([executable, "-tnHO", "--explain", "dport = :6003"]);
    expect(stdout).toMatch(/^ESTAB .* The peer does not read: [^\n]*\.\n$/);
  });

  test("what limits connections can be counted", () => {
    const { stdout } = world.run([
      executable,
      "-tanH",
      "--by",
      "explanation.limit",
      "--sort",
      "explanation.limit",
    ]);
    expect(stdout).toMatch(/^idle +\d+ /m);
    expect(stdout).toMatch(/^peer-not-reading +1 /m);
  });

  test("the doctor finds who does not read, who does not answer, and who would not notice", () => {
    const found = findings(
      world,
      "0s",
      "receiver-not-reading.age=200ms",
      "peer-not-reading.age=200ms",
      "keepalive.age=200ms",
    );
    const dead = only(found, "dead-peer");
    // 6009 was closed here, and its FIN is not acknowledged.
    expect([dead.severity, dead.values["bytes"], dead.sockets.map(({ peer }) => peer.port).sort()]).toEqual([
      "warning",
      5001,
      [6002, 6009],
    ]);
    expect(dead.values["retransmits"]).toBeGreaterThanOrEqual(3);
    const receiver = only(found, "receiver-not-reading");
    expect([receiver.severity, receiver.values["connections"], receiver.values["windowsClosed"]]).toEqual([
      "warning",
      2,
      1,
    ]);
    const peer = only(found, "peer-not-reading");
    expect([peer.severity, peer.socketCount, peer.sockets[0]?.peer.port]).toEqual(["warning", 1, 6003]);
    expect(only(found, "keepalive")).toMatchObject({ severity: "info", values: { connections: 24 } });
  });

  test("the doctor lets pass what its thresholds let pass", () => {
    expect(
      findings(world, "0s", "dead-peer.retransmits=20", "not-accepting.age=1h").map(({ rule }) => rule),
    ).toEqual([]);
  });
});

describe.skipIf(noPath !== undefined)(title("connections that send", noPath), () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld("limits-world.ts", ["sending"]);
  });

  afterAll(async () => world[Symbol.asyncDispose]());

  test.each<[number, string, RegExp]>([
    [
      6101,
      "path",
      /^The path, which carries [\d.]+ [kM]bit\/s: segments queue on the way \(round trip [\d.]+ m?s, the shortest was [\d.]+ ms\)/,
    ],
    [
      6102,
      "congestion-window",
      /^The congestion window: \d+ of its \d+ segments? are in flight, and [\d.]+ (bytes|[kM]B) wait; it (grows slowly|doubles each round trip)/,
    ],
    [6102, "loss-recovery", /^Lost segments: \d+ of the \d+ sent are thought lost/],
    [6103, "send-buffer", /^The send buffer: it is full .* so that the program cannot write more/],
    [
      6104,
      "peer-window",
      /^The peer's window: \d+ of its \d+ bytes are in flight, and [\d.]+ (bytes|[kM]B) wait/,
    ],
    [
      6105,
      "nagle",
      /^Nagle's algorithm: \d+ bytes wait, which is less than a segment of \d+, until what is in flight/,
    ],
    [
      6107,
      "pacing",
      /^Pacing: segments leave at 8 Mbit\/s, the limit that SO_MAX_PACING_RATE sets, and [\d.]+ (bytes|[kM]B) wait\.$/,
    ],
    [6108, "application", /^The application: /],
  ])("port %d: %s", async (port, limit, text) => {
    expect(await sentenceOf(world, "peer", port, limit)).toMatch(text);
  });

  test("the doctor finds lossy and slow paths, and what else holds senders up", async () => {
    // The queue before the slow link must be long enough.
    let found: Found[] = [];
    for (let attempt = 0; attempt < 20; attempt++) {
      found = findings(
        world,
        "700ms",
        "retransmissions.segments=50",
        "retransmissions.share=1%",
        "application-limited.rate=100k",
      );
      const seen = new Set(found.map(({ rule }) => rule));
      if (
        ["bufferbloat", "retransmissions", "send-buffer", "application-limited"].every((rule) =>
          seen.has(rule),
        )
      )
        break;
    }
    const bloat = only(found, "bufferbloat");
    expect([bloat.severity, bloat.values["address"], bloat.socketCount]).toEqual(["warning", "10.80.1.2", 1]);
    expect(Number(bloat.values["rttUs"]) - Number(bloat.values["minRttUs"])).toBeGreaterThanOrEqual(100_000);
    const lossy = found.find(({ rule, title }) => rule === "retransmissions" && title.includes("10.80.2.2"))!;
    expect(Number(lossy.values["percent"])).toBeWithin(1, 30);
    expect(lossy.sockets[0]?.peer.port).toBe(6102);
    const buffer = found.find(
      ({ rule, values }) => rule === "send-buffer" && values["address"] === "10.80.3.2",
    )!;
    expect([buffer.severity, buffer.sockets[0]?.peer.port]).toEqual(["info", 6103]);
    const narrow = found.find(
      ({ rule, values }) => rule === "peer-window" && values["address"] === "10.80.3.2",
    )!;
    expect([narrow.severity, narrow.sockets[0]?.peer.port]).toEqual(["info", 6104]);
    const quiet = only(found, "application-limited");
    expect(quiet.sockets.map(({ peer }) => peer.port)).toContain(6108);
    expect(quiet.severity).toBe("info");
  });
});

describe.skipIf(obstacle !== undefined)(title("healthy connections", obstacle), () => {
  test("give the doctor nothing to find", async () => {
    await using world = await startWorld("limits-world.ts", ["healthy"]);
    expect(findings(world, "400ms", "keepalive.age=10ms")).toEqual([]);
    const limits = new Set(sockets(world).map(({ explanation }) => explanation?.limit));
    expect([...limits].filter((limit) => limit !== "application" && limit !== "idle")).toEqual([]);
  });
});
