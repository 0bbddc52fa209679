/** The store against what ends, fills and damages it. */
import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "../../src/store/compress.ts";
import { storeBytes } from "../../src/store/folder.ts";
import { StoreReader } from "../../src/store/reader.ts";
import { migrations } from "../../src/store/schema.ts";
import { type WriterOptions, write } from "./writer.ts";

const root = mkdtempSync(join(tmpdir(), "sockscope-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function newFolder(): string {
  return join(root, `store-${++folders}`);
}

const startMs = Date.UTC(2026, 0, 5, 12);
/** How often a recorder is killed at a random moment: `npm run soak` does it a thousand times. */
const kills = Number(process.env["SOAK_KILLS"] ?? 12);
const small: Omit<WriterOptions, "folder"> = {
  flushes: 3,
  sockets: 20,
  connections: 4,
  budgetBytes: 1 << 26,
  startMs,
};

/** Runs a writer of its own. @returns the lines that it printed */
function runWriter(options: WriterOptions): string[] {
  const { stdout } = Bun.spawnSync([
    process.execPath,
    join(import.meta.dirname, "writer.ts"),
    JSON.stringify(options),
  ]);
  return stdout.toString().trim().split("\n");
}

/** The last flush that returned, by the wall clock; undefined if none did. */
function lastFlush(lines: readonly string[]): number | undefined {
  const found = lines.findLast((line) => line.startsWith("flushed "));
  return found === undefined ? undefined : Number(found.split(" ")[2]);
}

function countConnections(folder: string): number {
  const span = { fromMs: startMs - 1e8, untilMs: startMs + 1e8 };
  return [...new StoreReader(folder).connections(span)].reduce(
    (sum, file) => sum + file.connections.length,
    0,
  );
}

describe("a recorder that is killed", () => {
  test("before any step loses nothing that a flush has written, and the next one starts", () => {
    const steps = Number(
      runWriter({ ...small, folder: newFolder() })
        .at(-1)!
        .split(" ")[1],
    );
    expect(steps).toBeGreaterThan(40);
    for (let killAt = 0; killAt < steps; killAt += killAt < 12 || killAt > steps - 8 ? 1 : 3) {
      const folder = newFolder();
      const lines = runWriter({ ...small, folder, killAt });
      const flushed = lastFlush(lines);
      const reader = new StoreReader(folder);
      const coverage = reader.coverage({ fromMs: startMs, untilMs: startMs + 100_000 });
      expect(coverage.notes.filter(({ detail }) => !/is empty/.test(detail ?? ""))).toEqual([]);
      if (flushed !== undefined) {
        expect(coverage.recorded[0]!.untilMs).toBeGreaterThanOrEqual(flushed);
        expect(reader.moment(flushed)?.wallMs).toBeGreaterThanOrEqual(flushed - 5000);
        const flushes = lines.filter((line) => line.startsWith("flushed ")).length;
        expect(countConnections(folder)).toBeGreaterThanOrEqual(flushes * small.connections);
      }
      // What comes after the last flush is a gap, not silence.
      expect(coverage.gaps.at(-1)?.untilMs).toBe(startMs + 100_000);
      if (killAt % 12 === 0) {
        const next = runWriter({ ...small, folder, startMs: startMs + 60_000 });
        expect(next.at(-1)).toStartWith("steps");
      }
    }
  }, 120_000);

  test(
    "at any moment leaves files that open",
    async () => {
      const folder = newFolder();
      for (let round = 0; round < kills; round++) {
        const options = { ...small, folder, flushes: 1000, startMs: startMs + round * 1e7 };
        const child = Bun.spawn([
          process.execPath,
          join(import.meta.dirname, "writer.ts"),
          JSON.stringify(options),
        ]);
        await child.stdout.getReader().read();
        await Bun.sleep(kills > 12 ? Math.random() * 90 : (round * 37) % 90);
        child.kill(9);
        await child.exited;
        const { notes } = new StoreReader(folder).coverage({ fromMs: 0, untilMs: startMs + 1e9 });
        expect(notes.filter(({ kind }) => kind !== "restart")).toEqual([]);
      }
    },
    60_000 + kills * 2000,
  );
});

test("the budget is never exceeded, at any step", () => {
  const budgetBytes = 1 << 20;
  const folder = newFolder();
  let largest = 0;
  const options = { ...small, folder, flushes: 200, sockets: 400, connections: 50, budgetBytes };
  const measure = () => {
    try {
      largest = Math.max(largest, storeBytes(folder));
    } catch {
      // The folder is yet to be made.
    }
  };
  let steps = 0;
  write(
    options,
    (name) => {
      if (name !== "insert" || steps++ % 50 === 0) measure();
    },
    () => undefined,
  );
  expect(largest).toBeLessThanOrEqual(budgetBytes * 1.01);
  expect(largest).toBeGreaterThan(budgetBytes / 2);
  const { recorded } = new StoreReader(folder).coverage({ fromMs: startMs, untilMs: startMs + 2_000_000 });
  // The newest are there, the oldest are not.
  expect(recorded[0]!.fromMs).toBeGreaterThan(startMs);
  expect(recorded.at(-1)!.untilMs).toBeGreaterThanOrEqual(startMs + 1_990_000);
}, 60_000);

test("files are private, and the folder of another user or an open one is refused", () => {
  const folder = newFolder();
  runWriter({ ...small, folder });
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  const open = newFolder();
  mkdirSync(open, { mode: 0o755 });
  expect(() =>
    write(
      { ...small, folder: open },
      () => undefined,
      () => undefined,
    ),
  ).toThrow("other users can enter it");
});

test("a restart is noted with its cause, and one sample after another goes to the file of the day", () => {
  const folder = newFolder();
  write(
    { ...small, folder },
    () => undefined,
    () => undefined,
  );
  const later = (minutes: number, options: Partial<WriterOptions>) =>
    write(
      { ...small, folder, startMs: startMs + minutes * 60_000, ...options },
      () => undefined,
      () => undefined,
    );
  later(1, { bootMs: 1_060_000 });
  later(2, { bootMs: 1_120_000, append: true });
  later(3, { bootMs: 1_180_000, append: true });
  later(4, { bootMs: 1000, bootId: "other" });
  later(5, { bootMs: 61_000, bootId: "third", append: true });
  const reader = new StoreReader(folder);
  const { notes, recorded } = reader.coverage({ fromMs: startMs, untilMs: startMs + 1e7 });
  expect(notes.map(({ kind, detail }) => `${kind}: ${detail}`)).toEqual([
    "restart: the recorder was ended",
    "restart: the host was booted",
    "restart: the host was booted",
  ]);
  expect(recorded).toHaveLength(6);
  expect(readdirSync(folder).filter((name) => name.endsWith(".db"))).toHaveLength(4);
  expect(countConnections(folder)).toBe(6 * 3 * small.connections);
  for (let minutes = 0; minutes < 6; minutes++) {
    const moment = reader.moment(startMs + minutes * 60_000 + 29_000);
    expect(moment?.wallMs).toBe(startMs + minutes * 60_000 + 25_000);
    expect(moment?.processes).toHaveLength(1);
    expect(moment?.run.started_ms).toBe(startMs + minutes * 60_000);
  }
});

/** The file of a store of an early version: a whole sample of one socket, and another that changes a word of it. */
function writeEarlyFile(folder: string, version: number): void {
  mkdirSync(folder, { mode: 0o700 });
  const database = new Database(join(folder, "00000001-20260105T120000Z.db"));
  for (const migration of migrations.slice(0, version)) database.run(migration);
  database.run(`PRAGMA user_version = ${version}`);
  database.run("INSERT INTO run VALUES (1, 'boot', '0', 'host', 5000, NULL, NULL, '', ?, ?, 1)", [
    startMs,
    startMs + 10_000,
  ]);
  database.run("INSERT INTO place VALUES (1, 1, NULL, NULL)");
  const numbers = [
    // One group of place 1, request 2, family 1 with one row: none removed, row 0 inserted and new, 4 bytes in planes.
    [1, 1, 2, 1, 1, 0, 1, 0, 0, 0, 4, 7, 0, 0, 0, 0],
    // None removed, inserted or reshaped; row 0 changes by pattern 0, word 0, which grows by 3 (6 is +3); no owners.
    [1, 1, 2, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 6, 0],
  ];
  for (const [index, bytes] of numbers.entries()) {
    const { data, crc } = pack(Uint8Array.from(bytes));
    database.run(
      "INSERT INTO sample (wall_ms, run, boot_ms, duration_us, sockets, whole, crc, data) VALUES (?, 1, ?, 1, 1, ?, ?, ?)",
      [startMs + index * 5000, 1_000_000 + index * 5000, index === 0 ? 1 : 0, crc, data],
    );
  }
  database.close();
}

test.each([1, 2, 3])("files of version %i are read, and go on as the current one", (version) => {
  const folder = newFolder();
  writeEarlyFile(folder, version);
  const values = () =>
    [0, 5000].map((ms) => {
      const moment = new StoreReader(folder).moment(startMs + ms);
      return [...(moment?.image.values() ?? [])].flatMap(({ messages }) =>
        messages.map(({ words }) => words[0]),
      );
    });
  expect(values()).toEqual([[7], [10]]);
  write(
    { ...small, folder, startMs: startMs + 60_000, bootMs: 1_060_000, append: true },
    () => undefined,
    () => undefined,
  );
  expect(readdirSync(folder).filter((name) => name.endsWith(".db"))).toHaveLength(1);
  expect(values()).toEqual([[7], [10]]);
  const reader = new StoreReader(folder);
  expect(reader.moment(startMs + 90_000)?.image.size).toBe(1);
  expect(reader.coverage({ fromMs: startMs, untilMs: startMs + 100_000 }).notes).toEqual([]);
});

test("a sample that cannot be read to its end leaves the one before it as it was", () => {
  const folder = newFolder();
  writeEarlyFile(folder, 2);
  // Word 0 grows by 3 once more, but the owners are missing.
  const { data, crc } = pack(Uint8Array.of(1, 1, 2, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 6));
  using database = new Database(join(folder, "00000001-20260105T120000Z.db"));
  database.run(
    "INSERT INTO sample (wall_ms, run, boot_ms, duration_us, sockets, whole, crc, data) VALUES (?, 1, ?, 1, 1, 0, ?, ?)",
    [startMs + 10_000, 1_010_000, crc, data],
  );
  const moment = new StoreReader(folder).moment(startMs + 10_000)!;
  expect(moment.damaged).toBe(true);
  expect(moment.wallMs).toBe(startMs + 5000);
  expect([...moment.image.values()].map(({ messages }) => messages[0]?.words[0])).toEqual([10]);
});

test("a second recorder says so", () => {
  const folder = newFolder();
  let second: string | undefined;
  write(
    { ...small, folder },
    (name) => {
      if (name !== "commit" || second !== undefined) return;
      const options = JSON.stringify({ ...small, folder });
      const { stderr } = Bun.spawnSync([process.execPath, join(import.meta.dirname, "writer.ts"), options], {
        stderr: "pipe",
      });
      second = stderr.toString();
    },
    () => undefined,
  );
  expect(second).toContain(`another recorder writes to ${folder}`);
});

describe("a clock that is set", () => {
  for (const stepMs of [3_600_000, -3_600_000])
    test(`by ${stepMs / 60_000} minutes leaves no negative duration, and is noted`, () => {
      const folder = newFolder();
      write(
        { ...small, folder, flushes: 6, stepsMs: [0, 0, stepMs] },
        () => undefined,
        () => undefined,
      );
      const reader = new StoreReader(folder);
      const span = { fromMs: startMs - 1e8, untilMs: startMs + 1e8 };
      const coverage = reader.coverage(span);
      expect(coverage.notes.map(({ kind, count }) => [kind, count])).toEqual([["clock", stepMs]]);
      const connections = [...reader.connections(span)].flatMap((file) => file.connections);
      expect(connections).toHaveLength(6 * small.connections);
      for (const { opened_ms, closedMs } of connections) {
        expect(closedMs - opened_ms!).toBeGreaterThanOrEqual(0);
        expect(
          coverage.recorded.some(({ fromMs, untilMs }) => closedMs >= fromMs && closedMs <= untilMs),
        ).toBe(true);
      }
      // Before and after the step, the sample of a moment is the one taken then.
      expect(reader.moment(startMs + 12_000)?.wallMs).toBe(startMs + 10_000);
      expect(reader.moment(startMs + 30_000 + stepMs + 12_000)?.wallMs).toBe(
        startMs + 30_000 + stepMs + 10_000,
      );
    });
});

test("a suspend is noted with its length, and is no step of the clock", () => {
  const folder = newFolder();
  const suspendMs = 7_200_000;
  write(
    { ...small, folder, flushes: 6, suspendsMs: [0, 0, suspendMs] },
    () => undefined,
    () => undefined,
  );
  const reader = new StoreReader(folder);
  const { notes } = reader.coverage({ fromMs: startMs, untilMs: startMs + 1e8 });
  expect(notes).toEqual([
    {
      kind: "suspend",
      fromMs: startMs + 30_000,
      untilMs: startMs + 30_000 + suspendMs,
      count: suspendMs,
      detail: undefined,
    },
  ]);
  // The sample before the suspend does not stand for the time of it.
  const before = reader.moment(startMs + 3_600_000)!;
  expect(before.wallMs).toBe(startMs + 25_000);
  expect(reader.moment(startMs + 30_000 + suspendMs)!.bootMs - before.bootMs).toBe(suspendMs + 5000);
});

test("a file that is cut anywhere never gives a wrong answer, and the damage shows", () => {
  const folder = newFolder();
  runWriter({ ...small, folder, flushes: 30, sockets: 200 });
  const name = readdirSync(folder).find((each) => each.endsWith(".db"))!;
  const size = readFileSync(join(folder, name)).length;
  let most = 0;
  let mostSamples = 0;
  for (let part = 0; part < 12; part++) {
    const cut = newFolder();
    cpSync(folder, cut, { recursive: true });
    truncateSync(join(cut, name), Math.floor((size * part) / 12) + (part % 3));
    const reader = new StoreReader(cut);
    const untilMs = startMs + 300_000;
    let moment: ReturnType<StoreReader["moment"]>;
    expect(() => {
      moment = reader.moment(untilMs);
    }).not.toThrow();
    const connections = countConnections(cut);
    const { notes, gaps, recorded } = reader.coverage({ fromMs: startMs, untilMs: untilMs + 60_000 });
    const isWhole = moment?.wallMs === startMs + 295_000 && connections === 30 * small.connections;
    if (isWhole) continue;
    expect(notes.some(({ kind }) => kind === "damaged")).toBe(true);
    // What is lost shows as a gap, and nothing of it is made up.
    expect(gaps.at(-1)?.untilMs).toBe(untilMs + 60_000);
    expect(gaps.at(-1)?.fromMs).toBeLessThan(untilMs);
    const kept = recorded.at(-1)?.untilMs ?? 0;
    if (moment !== undefined) expect(moment.wallMs).toBeLessThanOrEqual(kept);
    expect(connections).toBeLessThanOrEqual(30 * small.connections);
    most = Math.max(most, connections);
    mostSamples = Math.max(mostSamples, moment === undefined ? 0 : moment.wallMs - startMs);
  }
  // Of a file that is cut near its end, most is left.
  expect(most).toBeGreaterThan(20 * small.connections);
  expect(mostSamples).toBeGreaterThan(150_000);
}, 60_000);

test("a log that is cut anywhere loses what was in it alone", () => {
  const folder = newFolder();
  // Killed between a commit and its checkpoint: the last flush is in the log.
  const lines = runWriter({ ...small, folder });
  const steps = Number(lines.at(-1)!.split(" ")[1]);
  const killed = newFolder();
  let killAt = steps - 1;
  for (; killAt > 0; killAt--) {
    rmSync(killed, { recursive: true, force: true });
    runWriter({ ...small, folder: killed, killAt });
    const log = readdirSync(killed).find((name) => name.endsWith("-wal"));
    if (log !== undefined && statSync(join(killed, log)).size > 0) break;
  }
  const log = readdirSync(killed).find((name) => name.endsWith("-wal"))!;
  const size = statSync(join(killed, log)).size;
  for (let part = 0; part <= 16; part++) {
    const cut = newFolder();
    cpSync(killed, cut, { recursive: true });
    for (const name of readdirSync(cut)) if (name.endsWith("-shm")) rmSync(join(cut, name));
    truncateSync(join(cut, log), Math.floor((size * part) / 16));
    const { notes, recorded } = new StoreReader(cut).coverage({ fromMs: startMs, untilMs: startMs + 60_000 });
    expect(notes).toEqual([]);
    expect(recorded[0]!.untilMs).toBeGreaterThanOrEqual(startMs + 20_000);
  }
}, 60_000);
