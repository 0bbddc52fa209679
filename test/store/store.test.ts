/** The store against what ends, fills and damages it. */
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
import { storeBytes } from "../../src/store/folder.ts";
import { StoreReader } from "../../src/store/reader.ts";
import { type WriterOptions, write } from "./writer.ts";

const root = mkdtempSync(join(tmpdir(), "sockscope-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
function newFolder(): string {
  return join(root, `store-${++folders}`);
}

const startMs = Date.UTC(2026, 0, 5, 12);
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

  test("at any moment leaves files that open", async () => {
    const folder = newFolder();
    for (let round = 0; round < 12; round++) {
      const options = { ...small, folder, flushes: 1000, startMs: startMs + round * 1e7 };
      const child = Bun.spawn([
        process.execPath,
        join(import.meta.dirname, "writer.ts"),
        JSON.stringify(options),
      ]);
      await child.stdout.getReader().read();
      await Bun.sleep((round * 37) % 90);
      child.kill(9);
      await child.exited;
      const { notes } = new StoreReader(folder).coverage({ fromMs: 0, untilMs: startMs + 1e9 });
      expect(notes).toEqual([]);
    }
  }, 60_000);
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

test("a file that is cut anywhere never gives a wrong answer, and the damage shows", () => {
  const folder = newFolder();
  runWriter({ ...small, folder, flushes: 30, sockets: 200 });
  const name = readdirSync(folder).find((each) => each.endsWith(".db"))!;
  const size = readFileSync(join(folder, name)).length;
  for (let part = 0; part < 12; part++) {
    const cut = newFolder();
    cpSync(folder, cut, { recursive: true });
    truncateSync(join(cut, name), Math.floor((size * part) / 12) + (part % 3));
    const reader = new StoreReader(cut);
    const asked = startMs + 300_000;
    let moment: ReturnType<StoreReader["moment"]>;
    expect(() => {
      moment = reader.moment(asked);
    }).not.toThrow();
    const connections = countConnections(cut);
    const { notes } = reader.coverage({ fromMs: startMs, untilMs: asked });
    const isWhole = moment?.wallMs === startMs + 295_000 && connections === 30 * small.connections;
    if (!isWhole && moment?.damaged !== true) expect(notes.some(({ kind }) => kind === "damaged")).toBe(true);
  }
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
