import { expect, test } from "bun:test";
import { savedIn } from "./saved-threads.ts";

test("lines are thread id and name", () => {
  expect([...savedIn("4893 bun\n  41 kworker/1:1 x\n\n")]).toEqual([
    [4893, "bun"],
    [41, "kworker/1:1 x"],
  ]);
  expect(savedIn(undefined).size).toBe(0);
});

test("a name with a newline cannot rename another thread", () => {
  expect([...savedIn("10 sshd\n11 x\n10 evil\n12 y\n")]).toEqual([
    [11, "x"],
    [12, "y"],
  ]);
});
