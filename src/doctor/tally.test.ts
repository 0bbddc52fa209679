import { expect, test } from "bun:test";
import fc from "fast-check";
import { Tally } from "./tally.ts";

test("Tally counts like a Map with string keys", () => {
  const key = fc.tuple(fc.nat(20), fc.constantFrom(0, 1, 0xffff_ffff), fc.nat(100));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat(1)), { maxLength: 2000 }), (keys) => {
      const tally = new Tally(3, 2);
      const expected = new Map<string, [number, number]>();
      for (const [words, also] of keys) {
        tally.key.set(words);
        const counts = expected.get(words.join()) ?? [0, 0];
        counts[0]++;
        if (also > 0) counts[also]!++;
        expected.set(words.join(), counts);
        expect(tally.add(also)).toBe(counts[0]);
      }
      expect(tally.size).toBe(expected.size);
      const counted = new Map(Array.from(tally, ({ key, counts }) => [key.join(), [...counts]]));
      expect(counted).toEqual(expected);
      const often = Array.from(tally.atLeast(2), ({ key, counts }) => [key.join(), [...counts]] as const);
      expect(new Map(often)).toEqual(new Map([...expected].filter(([, [count]]) => count >= 2)));
    }),
    { numRuns: 50 },
  );
});

test("Tally grows as needed", () => {
  const tally = new Tally(1);
  for (let key = 0; key < 50_000; key++) {
    tally.key[0] = key;
    tally.add();
  }
  expect(tally.size).toBe(50_000);
  expect([...tally].every(({ counts }) => counts[0] === 1)).toBe(true);
});
