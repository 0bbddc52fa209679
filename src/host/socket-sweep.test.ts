import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { SweepWorker } from "./host.ts";
import { socketLinks } from "./socket-links.ts";
import { beginSweep, type SharedSweep, sweepFromEnd } from "./socket-sweep.ts";

const servers: Server[] = [];
beforeAll(async () => {
  for (let count = 0; count < 20; count++) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
  }
});
afterAll(() => {
  for (const server of servers) server.close();
});

const own = `/proc/${process.pid}/fd`;
type Take = (directory: string, visit: (fd: number, inode: number) => void) => boolean | undefined;

/** The sockets in a directory, and whether it can be read. */
function read(directory: string, take: Take) {
  const sockets: string[] = [];
  const readable = take(directory, (fd, inode) => sockets.push(`${fd}: ${inode}`));
  return { readable, sockets };
}

/** A worker that does its work on this thread, at once. */
function worker(work: (shared: SharedSweep) => void): () => SweepWorker {
  return () => ({ addEventListener: () => {}, postMessage: (shared) => work(shared), unref: () => {} });
}

const byThreads = { worthwhile: 0, iterate: () => undefined };

test("few descriptors are not worth a thread", () => {
  const start = () => {
    throw new Error("A thread was started");
  };
  expect(beginSweep("/proc", start, { worthwhile: Number.POSITIVE_INFINITY })).toBeUndefined();
});

for (const [what, start] of [
  ["the other thread finds all", worker(sweepFromEnd)],
  ["the other thread never comes", worker(() => {})],
  ["another thread runs", () => new Worker(new URL("../cli/sweep-worker.ts", import.meta.url))],
] as const)
  test(`the sockets are the same if ${what}`, () => {
    const { take } = beginSweep("/proc", start, byThreads)!;
    const expected = read(own, socketLinks);
    expect(expected.sockets.length).toBeGreaterThanOrEqual(servers.length);
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const found = read(`/proc/${pid}/fd`, take);
      if (pid === `${process.pid}`) expect(found).toEqual(expected);
    }
    expect(read(own, take)).toEqual({ readable: undefined, sockets: [] });
  });

test("a directory without room in the table is left to the caller", () => {
  const cramped = worker((shared) => sweepFromEnd({ ...shared, found: shared.found.subarray(0, 2) }));
  const { take } = beginSweep("/proc", cramped, byThreads)!;
  let own: boolean | undefined = false;
  let full = false;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const { readable, sockets } = read(`/proc/${pid}/fd`, take);
    if (pid === `${process.pid}`) own = readable;
    if (readable === undefined) full = true;
    expect(sockets.length === 0 || readable).toBe(true);
  }
  expect(full).toBe(true);
  expect(own).not.toBe(false);
});

test("reports a /proc that cannot be read", () => {
  const { take } = beginSweep(
    "/proc",
    worker((shared) => sweepFromEnd({ ...shared, root: "/nowhere" })),
    byThreads,
  )!;
  expect(read(own, take)).toEqual({ readable: false, sockets: [] });
});
