/** The generator of a day's load, for a quarter of an hour: the sizes that do not depend on the machine. */
import { expect, test } from "bun:test";
import { join } from "node:path";

test("the store of a short load has about the size that is documented, and keeps to its budget", () => {
  const { stdout } = Bun.spawnSync([
    ...[process.execPath, join(import.meta.dirname, "../../bench/day.ts")],
    ...["1000", "0.25", "20", "16"],
  ]);
  const text = stdout.toString();
  const value = (what: RegExp) => Number(what.exec(text)?.[1]);
  // A short load has more of what a store has once: processes, addresses, whole samples.
  expect(value(/bytes a changed socket and sample: ([\d.]+)/)).toBeLessThan(16);
  expect(value(/bytes a connection, index included: ([\d.]+)/)).toBeLessThan(110);
  expect(value(/largest size of the store: ([\d.]+) MiB of 16/)).toBeLessThanOrEqual(16.16);
  expect(value(/bytes a changed socket and sample: ([\d.]+)/)).toBeGreaterThan(4);
}, 60_000);
