import { expect, test } from "bun:test";
import { batch } from "../../test/live/sockets.ts";
import type { Files } from "../host/host.ts";
import { ownerSearch } from "./owners.ts";
import { SocketTable } from "./table.ts";

/** A /proc in which processes have sockets open, by inode; counts the scans. */
function proc(processes: Record<number, readonly number[]>) {
  const counts = { passes: 0 };
  const files: Files = {
    list(path) {
      if (path !== "/proc") throw new Error(path);
      counts.passes++;
      return Object.keys(processes);
    },
    read: (path) => new TextEncoder().encode(`${/\d+/.exec(path)} (name of it) S 1`),
    link: () => undefined,
    securityContext: () => undefined,
    sockets(directory, visit) {
      const pid = Number(/\d+/.exec(directory));
      for (const [fd, inode] of processes[pid]?.entries() ?? []) visit(fd, inode);
      return true;
    },
  };
  return { files, counts, processes };
}

function tableOf(...inodes: readonly number[]): SocketTable {
  const table = new SocketTable();
  table.begin(0);
  table.add(batch(...inodes.map((inode) => ({ cookie: inode, inode }))), 0);
  table.finish();
  return table;
}

test("owners are found by name", async () => {
  const table = tableOf(5, 6);
  const owners = ownerSearch(proc({ 42: [6] }).files, "/proc", () => undefined);
  await owners.refresh(
    table,
    () => 0,
    () => undefined,
  );
  expect(Array.from(table.process.subarray(0, 2))).toEqual([0, 42]);
  expect(owners.label(42)).toBe("name of it 42");
  expect(owners.label(0)).toBeUndefined();
});

test("/proc is not scanned again for known owners, nor for sockets that the last scan did not find", async () => {
  const { files, counts } = proc({ 42: [5] });
  const table = tableOf(5);
  const owners = ownerSearch(files, "/proc", () => undefined);
  for (const now of [0, 500, 2000, 4000])
    await owners.refresh(
      table,
      () => now,
      () => undefined,
    );
  expect(counts.passes).toBe(1);
  const more = tableOf(5, 9);
  for (const now of [5000, 5500, 5900])
    await owners.refresh(
      more,
      () => now,
      () => undefined,
    );
  expect(counts.passes).toBe(2);
});

test("after a long pass the search rests for nine times as long", async () => {
  const { files, counts } = proc({});
  const table = tableOf(5);
  const owners = ownerSearch(files, "/proc", () => undefined);
  let now = 0;
  // The clock advances by a second with each reading, so a pass takes one second.
  const clock = () => {
    now += 1000;
    return now;
  };
  for (let round = 0; round < 8; round++) await owners.refresh(table, clock, () => undefined);
  expect(counts.passes).toBe(1);
  for (let round = 0; round < 4; round++) await owners.refresh(table, clock, () => undefined);
  expect(counts.passes).toBe(2);
});

test("after a while all are looked up again: a socket may have been passed to another process", async () => {
  const { files, processes } = proc({ 42: [5] });
  const table = tableOf(5);
  const owners = ownerSearch(files, "/proc", () => undefined);
  await owners.refresh(
    table,
    () => 0,
    () => undefined,
  );
  processes[42] = [];
  processes[43] = [5];
  await owners.refresh(
    table,
    () => 2000,
    () => undefined,
  );
  expect(table.process[0]).toBe(42);
  await owners.refresh(
    table,
    () => 31_000,
    () => undefined,
  );
  expect(table.process[0]).toBe(43);
});

test("signals are let in while the descriptors of one process are read", async () => {
  const steps = 10;
  const { files } = proc({ 42: [5] });
  let turns = 0;
  const slow: Files = {
    ...files,
    *socketsInSteps(directory, visit) {
      for (let step = 0; step < steps; step++) yield;
      return files.sockets!(directory, visit);
    },
  };
  const table = tableOf(5);
  const owners = ownerSearch(slow, "/proc", () => undefined);
  await owners.refresh(
    table,
    () => 0,
    () => {
      turns++;
      return undefined;
    },
  );
  expect(table.process[0]).toBe(42);
  expect(turns).toBeGreaterThanOrEqual(steps);
});
