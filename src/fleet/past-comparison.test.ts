import { expect, test } from "bun:test";
import { askedColumns } from "./ends.ts";
import type { HostOutcome } from "./fan-out.ts";
import { compareHostsAt } from "./past-comparison.ts";
import type { PastSample } from "./protocol.ts";
import type { AskAll } from "./samples.ts";

/** A host whose recorder took a sample every ten seconds, with one connection to another host. */
interface PlayedHost {
  readonly local: string;
  readonly peer: string;
  /** How far its wall clock is ahead now, and when the samples were taken. */
  readonly aheadMs: number;
  readonly aheadThenMs: number;
  /** Whether it was rebooted after its samples. */
  readonly isRebooted?: boolean;
  readonly partial?: string;
  readonly samples?: number;
}

const NOW = 1_000_000_000;
const INTERVAL = 10_000;
/** Milliseconds since boot, when our clock was 0. */
const BOOT = 5_000_000;

const columns = askedColumns(false);

/** The hosts, as the client sees them. */
function askOf(hosts: Readonly<Record<string, PlayedHost>>): AskAll {
  return async (names, question, take) =>
    names.map((name): HostOutcome => {
      const { local, peer, aheadMs, aheadThenMs, isRebooted, partial, samples = 1000 } = hosts[name]!;
      const clock = { wallMs: NOW + aheadMs, bootMs: NOW + BOOT, aheadMs, errorMs: 5 };
      const hello = { version: "", protocols: [1], host: name, bootId: isRebooted ? "new" : "old" };
      const common = { host: name, hello, clock, addresses: [local], failure: undefined };
      if (question.form === "translations") {
        take(name, { rows: [{ values: [false, true] }] });
        return { ...common, end: { status: 0 } };
      }
      const at = Number(question.args.find((each) => each.startsWith("--at="))!.slice("--at=@".length));
      // On our clock, the samples of all hosts were taken a little after full ten seconds.
      const offset = name.length * 100;
      const number = Math.floor((at - aheadThenMs - offset) / INTERVAL);
      if (number > NOW / INTERVAL || number <= NOW / INTERVAL - samples) {
        take(name, { note: "nothing was recorded\n" });
        return { ...common, end: { status: 1 } };
      }
      const trueMs = number * INTERVAL + offset;
      const past: PastSample = {
        wallMs: trueMs + aheadThenMs,
        bootMs: trueMs + BOOT,
        bootId: "old",
        ...(partial === undefined ? {} : { partial }),
      };
      const row: Readonly<Record<string, string | number>> = {
        state: "ESTAB",
        "local.address": local,
        "local.port": name === "a" ? 40000 : 80,
        "peer.address": peer,
        "peer.port": name === "a" ? 80 : 40000,
        cookie: name,
      };
      take(name, { rows: [{ values: columns.map((column) => row[column] ?? null) }] });
      return { ...common, end: { status: 0, past } };
    });
}

const a: PlayedHost = { local: "10.0.0.1", peer: "10.0.0.2", aheadMs: 0, aheadThenMs: 0 };
const b: PlayedHost = { local: "10.0.0.2", peer: "10.0.0.1", aheadMs: 0, aheadThenMs: 0 };
const request = { allNetns: false, containers: false, words: [], budgetMs: 1000 };
const compareAt = (hosts: Readonly<Record<string, PlayedHost>>, atMs: number) =>
  compareHostsAt(askOf(hosts), Object.keys(hosts), request, atMs);

test("joins the last samples up to a time with those before them", async () => {
  const { now, before, seconds, times, leftOut } = await compareAt({ a, b }, NOW - 55_000);
  expect([before.pairs.length, now.pairs.length]).toEqual([1, 1]);
  expect(seconds).toBe(10);
  expect(times.map(({ atMs }) => atMs)).toEqual([NOW - 59_900, NOW - 59_900]);
  expect(leftOut.size).toBe(0);
});

test.each([
  ["is wrong as it was then", { aheadMs: 3_600_000, aheadThenMs: 3_600_000 }],
  ["was wrong then, and is right now", { aheadMs: 0, aheadThenMs: 47_000 }],
  ["was right then, and is wrong now", { aheadMs: -90_000, aheadThenMs: 0 }],
])("takes out the offset of a clock that %s", async (_, clock) => {
  const { now, times, clocks } = await compareAt({ a, b: { ...b, ...clock } }, NOW - 55_000);
  expect(times.map(({ atMs }) => atMs)).toEqual([NOW - 59_900, NOW - 59_900]);
  expect(clocks.find(({ host }) => host === "b")).toMatchObject({ aheadMs: clock.aheadThenMs, errorMs: 5 });
  expect(now.pairs).toHaveLength(1);
});

test("after a reboot only the wall clock is known, and less exactly", async () => {
  const { now, clocks } = await compareAt(
    { a, b: { ...b, isRebooted: true, aheadMs: 3000, aheadThenMs: 3000 } },
    NOW - 55_000,
  );
  expect(clocks.find(({ host }) => host === "b")).toMatchObject({ aheadMs: 3000, errorMs: 1005 });
  expect(now.pairs).toHaveLength(1);
});

test("names the hosts that cannot be compared", async () => {
  const { leftOut, now } = await compareAt(
    {
      a,
      b: { ...b, partial: "its recorder keeps only tcp" },
      unborn: { ...b, samples: 3 },
      young: { ...b, samples: 7 },
    },
    NOW - 55_000,
  );
  expect([...leftOut]).toEqual([
    ["unborn", "nothing was recorded"],
    ["b", "its recorder keeps only tcp"],
    ["young", "it has only one sample"],
  ]);
  expect(now.pairs).toEqual([]);
});
