import { expect, test } from "bun:test";
import { ExitedThreads, savedNumbers } from "./exited-threads.ts";

test("a line has thread and process", () => {
  const found = savedNumbers("4893 12\n41 41\nno line\n893 7\n5 \n\n7 7");
  expect([...found]).toEqual([
    [4893, 12],
    [41, 41],
    [893, 7],
    [7, 7],
  ]);
  expect(savedNumbers("").size).toBe(0);
});

const name = new TextEncoder().encode("curl");

test("an exit belongs to a thread that was alive before it", () => {
  const threads = new ExitedThreads("/nowhere");
  threads.add({ event: "exit", ns: 100, tid: 5, name });
  expect(threads.exitOf(5, 90)?.name).toBe(name);
  expect(threads.exitOf(5, 101)).toBeUndefined();
  expect(threads.exitOf(6, 90)).toBeUndefined();
});

test("reads on for an exit that was not read yet", () => {
  const threads = new ExitedThreads("/nowhere");
  threads.usePeek(() => threads.add({ event: "exit", ns: 100, tid: 5, name }));
  expect(threads.exitOf(5, 90)).toBeUndefined();
  expect(threads.latestExitOf(5, 90)?.name).toBe(name);
});
