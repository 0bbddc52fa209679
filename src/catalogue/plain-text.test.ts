import { expect, test } from "bun:test";
import fc from "fast-check";
import { plainKeys } from "./plain-text.ts";

const collator = new Intl.Collator("en", { numeric: true });
const keyOf = plainKeys(collator.compare);

const plain = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."0123456789"),
    fc.constantFrom(..."0123456789abcdefxyz.:/[]*@%-_"),
    fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code).toLowerCase()),
  ),
  maxLength: 30,
});

test("keys order texts as the collator does", () => {
  fc.assert(
    fc.property(plain, plain, (one, other) => {
      const [key, otherKey] = [keyOf(one)!, keyOf(other)!];
      const order = key < otherKey ? -1 : key > otherKey ? 1 : 0;
      expect({ one, other, order }).toEqual({ one, other, order: Math.sign(collator.compare(one, other)) });
    }),
    { numRuns: 20_000 },
  );
});

test("addresses", () => {
  const sorted = [
    "127.0.0.1:80",
    "127.0.0.1:443",
    "127.0.0.1:8080",
    "127.0.0.10:1",
    "[::1]:80",
    "[fe80::1%lo]:22",
  ];
  const keys = sorted.map((text) => keyOf(text)!);
  expect(keys.toSorted()).toEqual(sorted.toSorted(collator.compare).map((text) => keyOf(text)!));
});

test("other texts have no key", () => {
  for (const text of ["ESTAB", "é", "a\n", "\u007f", "1".repeat(151), "a".repeat(201)])
    expect(keyOf(text)).toBeUndefined();
});
