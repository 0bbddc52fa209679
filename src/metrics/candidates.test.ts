import { expect, test } from "bun:test";
import fc from "fast-check";
import { Candidates } from "./candidates.ts";

test("a heavy key is found among any number of light ones, in bounded memory", () => {
  const candidates = new Candidates(50);
  for (let turn = 0; turn < 100_000; turn++) {
    candidates.add(`light ${turn}`, [], 1);
    if (turn % 20 === 0) candidates.add("heavy", ["heavy"], 1);
  }
  expect(candidates.size).toBeLessThan(100);
  const best = candidates.best()!;
  expect(best.labels).toEqual(["heavy"]);
  // It lacks at most the whole weight divided by the capacity.
  expect(best.weight).toBeGreaterThanOrEqual(5000 - 105_000 / 50);
  expect(best.weight).toBeLessThanOrEqual(5000);
});

test("a weight is never more than what was added", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 9 }))),
      (adds) => {
        const candidates = new Candidates(4);
        const added = new Map<string, number>();
        for (const [key, weight] of adds) {
          candidates.add(`${key}`, [], weight);
          added.set(`${key}`, (added.get(`${key}`) ?? 0) + weight);
        }
        const best = candidates.best();
        if (best !== undefined) expect(best.weight).toBeLessThanOrEqual(added.get(best.key)!);
        expect(candidates.size).toBeLessThan(8);
      },
    ),
  );
});
