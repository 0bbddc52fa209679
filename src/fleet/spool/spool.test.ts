import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { LEAST_SPOOL_BYTES } from "./limits.ts";
import { LINE_LIMIT, linesOfBody, type Packet, Spool } from "./spool.ts";

const BOOT = "6f1f6a4e-0000-4000-8000-000000000001";

/** A folder for one test. */
function scratch(): Disposable & { readonly folder: string } {
  const top = mkdtempSync(join(tmpdir(), "sockscope-spool-"));
  return {
    folder: join(top, "spool"),
    [Symbol.dispose]: () => rmSync(top, { recursive: true, force: true }),
  };
}

function open(folder: string, boot = BOOT): Spool {
  return new Spool({ folder, name: "events", limitBytes: LEAST_SPOOL_BYTES, boot, now: () => 1000 });
}

function bytesOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Delivers everything. */
function drain(spool: Spool): Packet[] {
  const packets: Packet[] = [];
  for (let packet = spool.oldest(); packet !== undefined; packet = spool.oldest()) {
    packets.push(packet);
    spool.remove(packet);
  }
  return packets;
}

/** What a reader gets from packets: lines by their numbers, and the numbers that were dropped. */
function received(packets: readonly Packet[]) {
  const lines = new Map<number, string>();
  const lost = new Set<number>();
  let next = packets[0]?.first ?? 0;
  for (const { first, end, body } of packets) {
    // A packet may come again, longer, or as dropped; but no number is left out.
    expect(first).toBeLessThanOrEqual(next);
    const texts = body && linesOfBody(body);
    if (texts !== undefined) expect(texts).toHaveLength(end - first);
    for (let number = Math.max(first, next); number < end; number++)
      if (texts === undefined) lost.add(number);
      else lines.set(number, texts[number - first]!);
    next = Math.max(next, end);
  }
  return { lines, lost };
}

test("keeps lines over restarts, with numbers that go on", () => {
  using place = scratch();
  const { folder } = place;
  {
    using spool = open(folder);
    expect(spool.isEmpty).toBe(true);
    expect(spool.append(["a", "b"])).toBe(true);
    expect(spool.append(["c"])).toBe(true);
  }
  {
    using spool = open(folder);
    const packet = spool.oldest()!;
    expect(packet).toMatchObject({ boot: BOOT, first: 1, end: 4, lostMs: undefined });
    expect(linesOfBody(packet.body!)).toEqual(["a", "b", "c"]);
    // What came after it stays.
    spool.append(["d"]);
    spool.remove(packet);
    expect(spool.waiting).toBe(1);
    expect(drain(spool).map(({ first, end }) => [first, end])).toEqual([[4, 5]]);
  }
  using spool = open(folder);
  expect(spool.oldest()).toBeUndefined();
  spool.append(["e"]);
  expect(spool.oldest()).toMatchObject({ first: 5, end: 6 });
});

test("lines of two boots are not in one packet", () => {
  using place = scratch();
  for (const boot of ["boot-1", "boot-2"]) {
    using spool = open(place.folder, boot);
    spool.append([boot]);
  }
  using spool = open(place.folder, "boot-3");
  expect(drain(spool).map(({ boot, body }) => [boot, linesOfBody(body!)])).toEqual([
    ["boot-1", ["boot-1"]],
    ["boot-2", ["boot-2"]],
  ]);
});

test("only its owner can read it, and only one process can have it open", () => {
  using place = scratch();
  using _spool = open(place.folder);
  expect(statSync(place.folder).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(place.folder))
    expect(statSync(join(place.folder, name)).mode & 0o777).toBe(0o600);
  expect(() => open(place.folder)).toThrow("another agent has it open");
});

test("a full spool drops its oldest lines, except lines under way, and says how many", () => {
  using place = scratch();
  using spool = open(place.folder);
  const line = "x".repeat(1000);
  spool.append([line]);
  const head = spool.oldest()!;
  const count = 20_000;
  for (let sent = 0; sent < count; sent += 100) spool.append(new Array(100).fill(line));
  expect(bytesOf(place.folder)).toBeLessThanOrEqual(LEAST_SPOOL_BYTES);
  expect(spool.oldest()).toEqual(head);
  spool.remove(head);
  const [lost, ...kept] = drain(spool);
  expect(lost).toMatchObject({ first: 2, body: undefined, lostMs: 1000 });
  expect(lost!.end).toBeGreaterThan(count - 4000);
  const { lines } = received(kept);
  expect([...lines.keys()]).toEqual(Array.from({ length: count + 2 - lost!.end }, (_, at) => lost!.end + at));
  expect(lines.size).toBeGreaterThan(1500);
});

test("a line that is too long counts as dropped", () => {
  using place = scratch();
  using spool = open(place.folder);
  spool.append(["a", "é".repeat(LINE_LIMIT / 2), "b"]);
  expect(drain(spool).map(({ first, end, body }) => [first, end, body && linesOfBody(body)])).toEqual([
    [1, 2, ["a"]],
    [2, 3, undefined],
    [3, 4, ["b"]],
  ]);
});

test("a damaged file is kept aside, and another one begins, whose lines have another name", () => {
  using place = scratch();
  const path = join(place.folder, "events.db");
  let before: Packet | undefined;
  {
    using spool = open(place.folder);
    spool.append(["a"]);
    before = spool.oldest();
  }
  const bytes = readFileSync(path);
  bytes.fill(0x55, 0, 100);
  writeFileSync(path, bytes);
  using spool = open(place.folder);
  expect(spool.replaced).toBe(true);
  spool.append(["b"]);
  const after = spool.oldest()!;
  expect(linesOfBody(after.body!)).toEqual(["b"]);
  expect(after.spool).not.toBe(before!.spool);
  expect(readdirSync(place.folder)).toContain("events.db.damaged");
});

describe("whatever happens in whatever order", () => {
  type Step = { kind: "append"; sizes: readonly number[] } | { kind: "deliver" | "look" | "reopen" };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(fc.oneof(fc.nat(300), fc.nat(60_000)), { minLength: 1, maxLength: 30 })
        .map((sizes) => ({ kind: "append" as const, sizes })),
    },
    { weight: 2, arbitrary: fc.constantFrom({ kind: "deliver" as const }, { kind: "look" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
  );

  test("each line is delivered once under its number, or counted as dropped; the files stay below the limit", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        using place = scratch();
        const written: string[] = [];
        const packets: Packet[] = [];
        let spool = open(place.folder);
        for (const each of steps) {
          if (each.kind === "append") {
            const lines = each.sizes.map((size, at) => `${written.length + at + 1} ${"x".repeat(size)}`);
            expect(spool.append(lines)).toBe(true);
            written.push(...lines);
          } else if (each.kind === "reopen") {
            spool[Symbol.dispose]();
            spool = open(place.folder);
          } else {
            const packet = spool.oldest();
            // A packet that was sent, but not acknowledged, reached the reader all the same.
            if (packet !== undefined) packets.push(packet);
            if (packet !== undefined && each.kind === "deliver") spool.remove(packet);
          }
          expect(bytesOf(place.folder)).toBeLessThanOrEqual(LEAST_SPOOL_BYTES);
        }
        packets.push(...drain(spool));
        spool[Symbol.dispose]();
        const { lines, lost } = received(packets);
        expect(lines.size + lost.size).toBe(written.length);
        for (const [number, line] of lines) expect(line).toBe(written[number - 1]!);
      }),
      { numRuns: 15 },
    );
  });
});
