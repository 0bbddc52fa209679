/**
 * Measures questions about the past on a store of seven days: 10,000 sockets, and a number of connections a day.
 *
 * Usage: bun bench/history.ts [--store FOLDER] [--connections A_DAY] [--runs N]. Needs dist/sockscope. The store is
 * made if the folder is missing. Prints the time and the processor time of each question, cold and best of the runs.
 */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AF_INET } from "../src/model/family.ts";
import { dumpOrder } from "../src/model/selection.ts";
import type { ClockReading } from "../src/store/clock.ts";
import { SocketImage } from "../src/store/image.ts";
import { Store } from "../src/store/store.ts";
import { MovingConnections } from "./moving-connections.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string" },
    connections: { type: "string", default: "200000" },
    runs: { type: "string", default: "3" },
  },
});
const folder = values.store ?? join(mkdtempSync(join(tmpdir(), "sockscope-bench-")), "store");
const DAYS = 7;
const DAY_MS = 86_400_000;
const SOCKETS = 10_000;
const INTERVAL_MS = 5000;
const SAMPLES_A_DAY = 250;
/** The samples of a day are taken so long before its end. */
const SAMPLED_MS = 1_500_000;
/** The sample that `--at` shows: one with as many differences before it as there may be. */
const MOMENT = 242;
const startMs = Date.UTC(2026, 0, 5);

/** Makes the store: samples at the end of each day, connections all day long. */
function make(): void {
  let wallMs = startMs;
  const now = (): ClockReading => ({
    wallMs,
    bootMs: wallMs - startMs + 1e6,
    awakeMs: wallMs - startMs + 1e6,
  });
  using store = new Store({
    folder,
    limits: { budgetBytes: 2 ** 40, keepFreeBytes: 0, days: 30 },
    run: {
      bootId: "boot",
      version: "0",
      host: "bench",
      intervalMs: 5000,
      filter: undefined,
      tables: undefined,
      sources: "destroy,tracefs",
    },
    now: now(),
    say: (line) => console.log(line),
  });
  const place = store.place({ inode: 1, name: undefined, pid: undefined });
  const name = new TextEncoder().encode("server");
  const process = store.addProcess("server", {
    pid: 7,
    startTicks: 1,
    name,
    uid: 0,
    user: "root",
    exe: "/usr/bin/server",
    arguments: new TextEncoder().encode("server\0-f\0"),
    cgroup: "0::/system.slice/server.service\n",
  });
  const group = { place, dump: dumpOrder.indexOf("tcp"), family: AF_INET };
  const moving = new MovingConnections(SOCKETS, now().bootMs, INTERVAL_MS);
  const owners = new Map(
    Array.from({ length: SOCKETS }, (_, index) => [index + 1, [{ process, fd: index + 3 }]]),
  );
  const image = new SocketImage();
  const perDay = Number(values.connections);
  const ADDRESSES = 5000;
  for (let day = 0; day < DAYS; day++) {
    const dayMs = startMs + day * DAY_MS;
    for (let each = 0; each < perDay; each++) {
      wallMs = dayMs + 1 + Math.floor((each * (DAY_MS - 2000_000)) / perDay);
      const peer = (each * 7919) % ADDRESSES;
      store.connection({
        closedMs: wallMs,
        openedMs: wallMs - (each % 1000),
        protocol: 6,
        place,
        local: Uint8Array.of(10, 0, 0, 1),
        localPort: 40_000 + (each % 20_000),
        peer: Uint8Array.of(10, 2, peer >> 8, peer & 255),
        peerPort: each % 3 === 0 ? 5432 : 443 + (each % 50),
        process,
        uid: 0,
        reason: undefined,
        bytesSent: each % 1_000_000,
        bytesReceived: (each * 31) % 1_000_000,
        segmentsSent: each % 1000,
        segmentsReceived: each % 900,
        retransmits: each % 97 === 0 ? each % 13 : 0,
        rttUs: 1000 + (each % 90_000),
        minRttUs: 1000,
      });
      if (each % 20_000 === 19_999) store.flush(now());
    }
    for (let sample = 0; sample < SAMPLES_A_DAY; sample++) {
      wallMs = dayMs + DAY_MS - SAMPLED_MS + sample * INTERVAL_MS;
      image.begin();
      moving.sample(image.group(group), now().bootMs);
      image.end();
      const changed = new Set(day === 0 && sample === 0 ? owners.keys() : []);
      store.sample({ clocks: now(), durationUs: 1000, image, owners: { all: owners, changed } });
      if (sample % 2 === 1) store.flush(now());
    }
  }
  store.close(now());
}

if (!existsSync(folder)) make();
const program = join(import.meta.dirname, "../dist/sockscope");
const last = startMs + (DAYS - 1) * DAY_MS;
const time = (ms: number) => `${ms / 1000}`;
const span = ["--store", folder, "--since", time(startMs), "--until", time(startMs + DAYS * DAY_MS)];
const day = ["--store", folder, "--since", time(last), "--until", time(last + DAY_MS)];
const moment = ["--store", folder, "--at", time(last + DAY_MS - SAMPLED_MS + MOMENT * INTERVAL_MS)];
const questions: Readonly<Record<string, readonly string[]>> = {
  "a peer over 7 days": ["history", ...span, "dst", "10.2.3.4"],
  "a peer and a port over 7 days": ["history", ...span, "dst", "10.2.3.4", "and", "dport", "=", ":5432"],
  "a port for 10 minutes": [
    "history",
    "--store",
    folder,
    "--since",
    time(last + 3_600_000),
    "--until",
    time(last + 4_200_000),
    "dport",
    "=",
    ":5432",
  ],
  "a peer, and what was open at the end": [
    "history",
    "--store",
    folder,
    "--since",
    time(last + DAY_MS - SAMPLED_MS),
    "--until",
    time(last + DAY_MS - SAMPLED_MS + MOMENT * INTERVAL_MS),
    "dst",
    "10.1.3.4",
  ],
  "top ten by retransmits of 24 h": ["history", ...day, "--sort", "-tcpInfo.totalRetrans", "--top", "10"],
  "top ten peers by retransmits of 24 h": [
    "history",
    ...day,
    "--by",
    "peer.address",
    "--columns",
    "tcpInfo.totalRetrans",
    "--sort",
    "-tcpInfo.totalRetrans",
    "--top",
    "10",
  ],
  "--at as full ss output": [...moment, "-tanpoiem"],
  "--at as -tan": [...moment, "-tan"],
};
for (const [name, args] of Object.entries(questions)) {
  const costs: { wall: number; cpu: number }[] = [];
  let lines = 0;
  for (let run = 0; run < Number(values.runs); run++) {
    const begun = performance.now();
    const { stdout, resourceUsage, exitCode } = Bun.spawnSync([program, ...args], { stderr: "pipe" });
    const wall = performance.now() - begun;
    if (exitCode !== 0) throw new Error(`${args.join(" ")} exits with ${exitCode}`);
    lines = stdout.toString().split("\n").length - 1;
    costs.push({ wall, cpu: Number(resourceUsage!.cpuTime.total) / 1000 });
  }
  const best = costs.reduce((a, b) => (a.cpu <= b.cpu ? a : b));
  console.log(
    `${name.padEnd(38)} ${lines} lines, wall ${best.wall.toFixed(0)} ms, cpu ${best.cpu.toFixed(0)} ms (first ${costs[0]!.wall.toFixed(0)} / ${costs[0]!.cpu.toFixed(0)})`,
  );
}
