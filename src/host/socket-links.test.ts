import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { descriptorCount, numbersIn } from "./socket-links.ts";

const folder = mkdtempSync(join(tmpdir(), "sockscope-links-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("numbersIn() gives the numbers among the names, ascending", () => {
  const names = Array.from({ length: 2000 }, (_, index) => String((index * 7919) % 100_003));
  for (const name of [...names, "12x", "x12", "+3", ".4", "5.0"]) mkdirSync(join(folder, name));
  expect(numbersIn(folder)).toEqual(names.map(Number).sort((a, b) => a - b));
  expect(numbersIn(join(folder, "missing"))).toBeUndefined();
});

test("numbersIn() lists the threads of a process", () => {
  const threads = `/proc/${process.pid}/task`;
  expect(numbersIn(threads)).toContain(process.pid);
  expect(numbersIn("/proc")).toContain(process.pid);
});

test("descriptorCount() gives the size of the directory, if the kernel has one", () => {
  const descriptors = `/proc/${process.ppid}/fd`;
  expect(descriptorCount(descriptors)).toBe(statSync(descriptors).size || undefined);
  expect(descriptorCount("/proc/0/fd")).toBeUndefined();
});
