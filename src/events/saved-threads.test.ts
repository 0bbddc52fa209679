import { expect, test } from "bun:test";
import { savedValue } from "./saved-threads.ts";

test("a line is thread id and name", () => {
  const text = "4893 bun\n41 kworker/1:1 x\n893 a b\n7 last";
  expect(savedValue(text, 4893)).toBe("bun");
  expect(savedValue(text, 41)).toBe("kworker/1:1 x");
  expect(savedValue(text, 893)).toBe("a b");
  expect(savedValue(text, 7)).toBe("last");
  expect(savedValue(text, 1)).toBeUndefined();
  expect(savedValue("", 1)).toBeUndefined();
});

test("a name with a newline cannot rename another thread", () => {
  const text = "10 sshd\n11 x\n10 evil\n12 y\n";
  expect(savedValue(text, 10)).toBeUndefined();
  expect(savedValue(text, 11)).toBe("x");
  expect(savedValue(text, 12)).toBe("y");
});
