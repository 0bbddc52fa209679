import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addTo, STAY_MS, TopGroup } from "./top-group.ts";

const MINUTE = 60_000;

/** Counts an amount for a label set, which also is its weight. */
function count(group: TopGroup, name: string, amount: number, nowMs: number) {
  const member = group.find(name, [name], nowMs);
  addTo(member, 0, amount);
  group.weigh(member, name, [name], amount, nowMs);
  return member;
}

const shown = (group: TopGroup) =>
  Object.fromEntries([...group.members()].map(({ labels, values }) => [labels[0], values[0]!]));

test("what finds no room counts in other, and how often is counted", () => {
  const group = new TopGroup(2, 1, 1);
  for (const name of ["a", "b", "c", "d", "a"]) count(group, name, 1, 0);
  expect(shown(group)).toEqual({ a: 2, b: 1, other: 2 });
  expect(group.folded).toBe(2);
});

describe("members", () => {
  test("stay for an hour, however heavy others are", () => {
    const group = new TopGroup(1, 1, 1);
    count(group, "first", 1, 0);
    for (let now = 0; now < STAY_MS; now += MINUTE) {
      count(group, "first", 1, now);
      count(group, "heavy", 1000, now);
      group.rebalance(now);
    }
    expect(Object.keys(shown(group))).toEqual(["first", "other"]);
    group.rebalance(STAY_MS + MINUTE);
    expect(Object.keys(shown(group))).toEqual(["heavy", "other"]);
  });

  test("are not replaced by one that is hardly heavier", () => {
    const group = new TopGroup(1, 1, 1);
    for (let now = 0; now < 3 * STAY_MS; now += MINUTE) {
      count(group, "first", 100, now);
      count(group, "second", 150, now);
      group.rebalance(now);
    }
    expect(Object.keys(shown(group))).toEqual(["first", "other"]);
  });

  test("keep what they counted, and other goes on without a jump", () => {
    const group = new TopGroup(1, 1, 1);
    const first = count(group, "first", 7, 0);
    count(group, "second", 1000, 0);
    group.rebalance(0);
    count(group, "first", 1, STAY_MS - 1);
    const { version } = group;
    group.rebalance(STAY_MS);
    expect(first.gone).toBe(true);
    expect(group.version).toBe(version + 1);
    expect(shown(group)).toEqual({ second: 0, other: 1000 });
    count(group, "first", 5, STAY_MS);
    count(group, "second", 3, STAY_MS);
    expect(shown(group)).toEqual({ second: 3, other: 1005 });
  });

  test("that were not seen for an hour make room", () => {
    const group = new TopGroup(2, 1, 1);
    count(group, "a", 1, 0);
    count(group, "b", 1, 0);
    group.rebalance(0);
    count(group, "b", 1, 2 * MINUTE);
    group.rebalance(STAY_MS + MINUTE);
    expect(Object.keys(shown(group))).toEqual(["b", "other"]);
  });
});

test("sums are exact: what is counted goes to one series, whatever comes and goes", () => {
  const step = fc.record({
    name: fc.integer({ min: 0, max: 12 }),
    amount: fc.integer({ min: 1, max: 1000 }),
    minutes: fc.integer({ min: 0, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 0, max: 4 }), (steps, size) => {
      const group = new TopGroup(size, 1, 1);
      let now = 0;
      let total = 0;
      const ever = new Set([...group.members()]);
      for (const { name, amount, minutes } of steps) {
        now += minutes * MINUTE;
        group.rebalance(now);
        ever.add(count(group, `${name}`, amount, now));
        total += amount;
        expect([...group.members()].length).toBeLessThanOrEqual(size + 1);
      }
      // What a label set counted before it lost its series stays its own.
      expect([...ever].reduce((sum, { values }) => sum + values[0]!, 0)).toBe(total);
    }),
  );
});
