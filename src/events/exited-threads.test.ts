import { expect, test } from "bun:test";
import { ExitedThreads, savedValue } from "./exited-threads.ts";

test("a line has thread and process", () => {
  const text = "4893 12\n41 41\n893 7\n7 7";
  expect(savedValue(text, 4893)).toBe("12");
  expect(savedValue(text, 893)).toBe("7");
  expect(savedValue(text, 7)).toBe("7");
  expect(savedValue(text, 1)).toBeUndefined();
  expect(savedValue("", 1)).toBeUndefined();
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
