/**
 * Plays a day's load into a store, as fast as it goes: samples of TCP sockets whose counters move as those of real ones
 * do, and connections that end. Prints the figures beside the goals.
 *
 * Usage: bun bench/day.ts [SOCKETS [HOURS [CLOSES_A_SECOND [BUDGET_MIB]]]]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processorMs } from "../src/host/processor-time.ts";
import { AF_INET, IPPROTO_TCP } from "../src/model/family.ts";
import { dumpOrder } from "../src/model/selection.ts";
import { ConnectionIntake } from "../src/store/bundles.ts";
import type { ClockReading } from "../src/store/clock.ts";
import { storeBytes } from "../src/store/folder.ts";
import { SocketImage } from "../src/store/image.ts";
import { StoreReader } from "../src/store/reader.ts";
import { Store } from "../src/store/store.ts";
import { MovingConnections, random } from "./moving-connections.ts";

const [sockets = 10_000, hours = 24, closes = 20, budgetMib = 1024] = process.argv.slice(2).map(Number);
const INTERVAL_MS = 5000;
const FLUSH_MS = 10_000;
const MIB = 2 ** 20;

const folder = join(mkdtempSync(join(tmpdir(), "sockscope-day-")), "store");
const startMs = Date.UTC(2026, 0, 5);
let elapsedMs = 0;
const now = (): ClockReading => ({
  wallMs: startMs + elapsedMs,
  bootMs: 1e6 + elapsedMs,
  awakeMs: 1e6 + elapsedMs,
});
const budgetBytes = budgetMib * MIB;
const store = new Store({
  folder,
  limits: { budgetBytes, days: 7, keepFreeBytes: 0 },
  run: {
    bootId: "boot",
    version: "0",
    host: "host",
    intervalMs: INTERVAL_MS,
    filter: undefined,
    tables: undefined,
    sources: "day",
  },
  now: now(),
  say: (line) => console.log(line),
});
const place = store.place({ inode: 1, name: undefined, pid: undefined });
const owner = store.addProcess("server", {
  pid: 7,
  startTicks: 1,
  name: new TextEncoder().encode("server"),
  uid: 0,
  user: "root",
  exe: "/server",
  arguments: undefined,
  cgroup: "0::/",
});
const moving = new MovingConnections(sockets, 1e6, INTERVAL_MS);
const owners = new Map(
  Array.from({ length: sockets }, (_, index) => [index + 1, [{ process: owner, fd: index }]]),
);
const nothing = new Set<number>();
const image = new SocketImage();
const intake = new ConnectionIntake(store, 1000);
const begun = performance.now();
const cpu = processorMs();
let most = 0;
let connections = 0;
for (; elapsedMs < hours * 3_600_000; elapsedMs += INTERVAL_MS) {
  const nowMs = 1e6 + elapsedMs;
  image.begin();
  moving.sample(image.group({ place, dump: dumpOrder.indexOf("tcp"), family: AF_INET }), nowMs);
  image.end();
  store.sample({
    clocks: now(),
    durationUs: 0,
    image,
    owners: { all: owners, changed: elapsedMs === 0 ? new Set(owners.keys()) : nothing },
  });
  for (let count = 0; count < (closes * INTERVAL_MS) / 1000; count++, connections++) {
    const closedMs = startMs + elapsedMs + random(INTERVAL_MS);
    intake.add(
      {
        closedMs,
        openedMs: closedMs - random(60_000),
        protocol: IPPROTO_TCP,
        place,
        local: Uint8Array.of(10, 0, 0, 1),
        localPort: 443,
        peer: Uint8Array.of(10, 1, random(8), random(256)),
        peerPort: 1024 + random(60_000),
        process: owner,
        uid: 0,
        reason: undefined,
        bytesSent: random(1e6),
        bytesReceived: random(1e5),
        segmentsSent: random(1000),
        segmentsReceived: random(1000),
        retransmits: random(3),
        rttUs: 20_000 + random(4000),
        minRttUs: 20_000,
      },
      443,
    );
  }
  if (elapsedMs % FLUSH_MS !== 0) continue;
  intake.end(now().wallMs);
  store.flush(now());
  most = Math.max(most, storeBytes(folder));
}
const spent = processorMs() - cpu;
store.close(now());
store[Symbol.dispose]();

const { totals } = store;
const sampleBytes = totals.differenceBytes + totals.wholeBytes;
const size = storeBytes(folder);
const figure = (value: number, digits = 1) => value.toFixed(digits);
console.log(
  `${sockets} sockets every 5 s, ${closes} connections a second, ${hours} h in ${figure((performance.now() - begun) / 1000, 0)} s`,
);
console.log(
  `bytes a changed socket and sample: ${figure(totals.differenceBytes / totals.changed)} (goal 12), with whole samples ${figure(sampleBytes / totals.changed)}`,
);
if (size < budgetBytes * 0.9)
  console.log(`bytes a connection, index included: ${figure((size - sampleBytes) / connections)} (goal 100)`);
console.log(`largest size of the store: ${figure(most / MIB)} MiB of ${budgetMib} (goal: at most 1 % more)`);
console.log(
  `processor time of the store: ${figure(spent / (hours * 36_000), 2)} % of a core, with the making of the load`,
);
console.log(`memory: ${figure(process.memoryUsage.rss() / MIB, 0)} MiB`);
const reader = new StoreReader(folder);
for (const [name, ask] of [
  ["the sockets of a moment", () => reader.moment(startMs + elapsedMs - random(3_600_000))],
  [
    "the connections of an hour",
    () => [...reader.connections({ fromMs: startMs + elapsedMs - 3_600_000, untilMs: startMs + elapsedMs })],
  ],
] as const) {
  const before = processorMs();
  ask();
  console.log(`${name}: ${figure(processorMs() - before, 0)} ms`);
}
rmSync(join(folder, ".."), { recursive: true });
