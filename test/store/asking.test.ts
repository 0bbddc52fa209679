/** Questions about the past: what SQLite decides, what users' own SQL finds, and a moment as a recording. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cookieOf } from "../../src/families/inet/made-socket.ts";
import { parseFilter } from "../../src/filter/parser.ts";
import { AF_INET } from "../../src/model/family.ts";
import { dumpOrder } from "../../src/model/selection.ts";
import type { ClockReading } from "../../src/store/clock.ts";
import { impliedConditions } from "../../src/store/conditions.ts";
import { SocketImage } from "../../src/store/image.ts";
import { StoreReader } from "../../src/store/reader.ts";
import { Store } from "../../src/store/store.ts";
import { tcp } from "../doctor/samples.ts";

const root = mkdtempSync(join(tmpdir(), "sockscope-asking-"));
const folder = join(root, "store");
const main = join(import.meta.dirname, "../../src/cli/main.ts");
const startMs = Date.UTC(2026, 0, 5, 12);
const endMs = startMs + 60_000;
const span = { fromMs: startMs, untilMs: endMs };
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs sockscope on the store. */
function sockscope(...args: string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, main, ...args], { stderr: "pipe" });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

beforeAll(() => {
  let wallMs = startMs;
  const now = (): ClockReading => ({ wallMs, bootMs: wallMs - startMs + 1e6, awakeMs: wallMs });
  using store = new Store({
    folder,
    limits: { budgetBytes: 1 << 30, keepFreeBytes: 0, days: 7 },
    run: {
      bootId: "boot",
      version: "0",
      host: "host",
      intervalMs: 5000,
      filter: undefined,
      tables: undefined,
      sources: "test",
    },
    now: now(),
    say: () => undefined,
  });
  const place = store.place({ inode: 1, name: undefined, pid: undefined });
  const process = store.addProcess("server", {
    pid: 7,
    startTicks: 1,
    name: new TextEncoder().encode("server\x1b[2J"),
    uid: 0,
    user: "root",
    exe: "/server",
    arguments: undefined,
    cgroup: "0::/\n",
  });
  const addresses = [
    Uint8Array.of(10, 0, 0, 1),
    Uint8Array.of(10, 0, 0, 2),
    Uint8Array.of(10, 0, 1, 1),
    Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1),
    Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  ];
  const sockets = [80, 443].map((port) =>
    tcp({ local: `10.0.0.9:${port}`, peer: "10.0.0.1:5555", inode: port, info: { rtt: 100 } }),
  );
  const owners = new Map(sockets.map(({ inode }) => [inode, [{ process, fd: inode }]]));
  const image = new SocketImage();
  for (let sample = 0; sample < 4; sample++) {
    image.begin();
    const group = image.group({ place, dump: dumpOrder.indexOf("tcp"), family: AF_INET });
    for (const socket of sample < 2 ? sockets.slice(0, 1) : sockets) {
      const words = new Int32Array(socket.data.buffer.slice(0));
      group.add(cookieOf(socket), socket.inode, words, 0, socket.length, now().bootMs);
    }
    image.end();
    store.sample({
      clocks: now(),
      durationUs: 1000,
      image,
      owners: { all: owners, changed: new Set(owners.keys()) },
    });
    for (let each = 0; each < 40; each++)
      store.connection({
        closedMs: wallMs + each,
        openedMs: wallMs,
        protocol: 6,
        place,
        local: Uint8Array.of(10, 0, 0, 9),
        localPort: 1000 + each,
        peer: addresses[each % addresses.length]!,
        peerPort: each % 3 === 0 ? 443 : 80,
        process,
        uid: 0,
        reason: each === 3 ? "reset" : undefined,
        bytesSent: each,
        bytesReceived: 0,
        segmentsSent: 1,
        segmentsReceived: 1,
        retransmits: (each * 7) % 40,
        rttUs: 100,
        minRttUs: 100,
      });
    wallMs += 5000;
    store.flush(now());
  }
  store.sighting({
    what: "listener",
    process: "server\x1b[2J",
    protocol: 6,
    address: "10.0.0.9",
    port: 443,
    place,
    afterMs: startMs + 5000,
    firstMs: startMs + 10_000,
  });
  store.finding(store.newFindingId(), {
    rule: "syn-sent",
    severity: "warning",
    place,
    subject: "10.0.0.1:80",
    title: "server\x1b[2J got no answer",
    firstMs: startMs + 5000,
    lastMs: startMs + 10_000,
    clearedMs: startMs + 15_000,
    data: JSON.stringify({ values: { port: 80 }, sockets: [{ peer: { address: "10.0.0.1" } }] }),
  });
  store.close(now());
});

describe("what SQLite decides of a filter", () => {
  const context = {
    tables: new Set(["tcp", "udp"] as const),
    preferred: undefined,
    lookups: { interfaceIndex: () => undefined, netlinkProtocol: () => undefined },
  };
  const all = () => [...new StoreReader(folder).connections(span)].flatMap((file) => file.connections);
  test.each<[filter: string, matches: number, whole: boolean]>([
    ["dst 10.0.0.1", 64, true],
    ["dst 10.0.0.0/24", 96, true],
    ["dst 10.0.0.0/8", 160, false],
    ["dst [2001:db8::1]", 32, true],
    ["dport = :443", 56, true],
    ["dst 10.0.0.1 and dport = :443", 24, true],
    ["dport > :100 and sport < :1010", 16, true],
    ["dport != :443", 104, true],
    ["not dport = :443", 160, false],
    ["dst 10.0.0.1 or dport = :443", 160, false],
  ])("%s", (text, matches, whole) => {
    const { filter } = parseFilter({ args: text.split(" ") }, context as never);
    const implied = impliedConditions(filter);
    const found = [...new StoreReader(folder).connections(span, implied)].flatMap((file) => file.connections);
    expect(found).toHaveLength(matches);
    expect(implied.whole).toBe(whole);
  });

  test.each([
    ["dst 10.0.0.1", "connection_peer"],
    ["dport = :443", "connection_peer_port"],
    ["dst 10.0.0.1 and dport = :443", "connection_peer"],
  ])("%s is looked up in the index %s", (text, index) => {
    const { filter } = parseFilter({ args: text.split(" ") }, context as never);
    const { conditions } = impliedConditions(filter);
    const sql = conditions.map((each) => `(${each.sql})`).join(" AND ");
    const values = conditions.flatMap((each) => each.values);
    using database = new Database(join(folder, readdirSync(folder).find((name) => name.endsWith(".db"))!));
    const query = `EXPLAIN QUERY PLAN SELECT * FROM connection WHERE id BETWEEN 1 AND 2 AND ${sql}`;
    const plan = database.query(query).all(...values) as { detail: string }[];
    expect(plan.map(({ detail }) => detail).join()).toContain(`USING INDEX ${index} (`);
  });

  test("the first few by a column are the first few of all", () => {
    const first = { column: "retransmits", descending: true, count: 5 } as const;
    const found = [...new StoreReader(folder).connections(span, { conditions: [], first })]
      .flatMap((file) => file.connections)
      .map(({ retransmits }) => retransmits);
    const wanted = all()
      .map(({ retransmits }) => retransmits!)
      .sort((a, b) => b - a)
      .slice(0, 5);
    expect(found.toSorted((a, b) => b! - a!)).toEqual(wanted);
  });
});

test.skipIf(Bun.which("sqlite3") === null)("the SQL of the documentation runs with sqlite3", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/record.md"), "utf8");
  const examples = /```sql\n(.*?)```/s
    .exec(page)![1]!
    .split(";")
    .filter((each) => each.trim() !== "");
  expect(examples.length).toBeGreaterThanOrEqual(5);
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith(".db"))!);
  for (const sql of examples) {
    const { stdout, stderr } = Bun.spawnSync(["sqlite3", "-readonly", file, sql], { stderr: "pipe" });
    expect({ sql, stderr: stderr.toString() }).toEqual({ sql, stderr: "" });
    expect(stdout.toString()).not.toBe("");
  }
});

const times = ["--store", folder, "--since", `${startMs / 1000}`, "--until", `${endMs / 1000}`];

test("every answer ends with its coverage, and no name reaches the terminal as an order", () => {
  for (const question of ["findings", "new", "coverage"]) {
    const text = sockscope("history", question, ...times);
    expect(text.exitCode).toBe(0);
    expect(text.stdout + text.stderr).toMatch(/not recorded: .* for 4\ds; samples and test\n$/);
    expect(text.stdout).not.toContain("\x1b");
    const object = JSON.parse(sockscope("history", question, ...times, "--json").stdout);
    const coverage = question === "coverage" ? object : object.coverage;
    const { gaps, sources } = coverage;
    expect(coverage.span).toEqual({
      from: new Date(startMs).toISOString(),
      until: new Date(endMs).toISOString(),
    });
    expect(gaps).toHaveLength(1);
    expect(sources).toEqual(["test"]);
  }
  const diff = sockscope("history", "diff", `${startMs / 1000}`, `${startMs / 1000 + 18}`, "--store", folder);
  expect(diff.stdout).toContain("+ connection tcp  10.0.0.9:443 10.0.0.1:5555  server");
  expect(diff.stdout).toContain("more connections opened and ended between");
  expect(diff.stderr).toMatch(/recorded without gaps/);
}, 60_000);

test("an exported moment is replayed as --at shows it", () => {
  const at = ["--at", `${startMs / 1000 + 12}`, "--store", folder];
  const recording = join(root, "recording");
  const made = sockscope("history", "export", ...at, recording);
  expect(made.stderr).toContain(`wrote ${recording}`);
  const listing = sockscope(...at, "-tanpoie").stdout;
  expect(listing).toContain("10.0.0.9:443");
  expect(sockscope("--replay", recording, "-tanpoie").stdout).toBe(listing);
  // The packets have the time of the sample: the first one's is behind the header of the file.
  const pcap = new DataView(readFileSync(join(recording, "recording.pcap")).slice().buffer);
  expect(pcap.getUint32(24, true)).toBe(startMs / 1000 + 10);
}, 60_000);

test("the doctor examines the sample of a past moment, and the one after it", () => {
  const { stdout, stderr } = sockscope("doctor", "--at", `${startMs / 1000 + 11}`, "--store", folder);
  expect(stdout).toContain("two samples 5.0 s apart");
  expect(stdout).toContain("listens on TCP 10.0.0.9:443, where nothing of it did before");
  expect(stderr).toContain("sockets of ");
  const live = sockscope("doctor", "--rule", "new-listener");
  expect(live.stderr).toContain("needs what a recorder has kept");
  expect(live.exitCode).toBe(255);
}, 60_000);
