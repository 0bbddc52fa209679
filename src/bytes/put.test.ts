import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatFixed, formatGeneral } from "./decimal.ts";
import {
  NUMBER_ROOM,
  OVERSHOOT,
  putBlanks,
  putCopy,
  putFixed0,
  putFixed1,
  putGeneral3,
  putHex,
  putHex64,
  putInt31,
  putInt32,
  putStamp,
  putThousandths,
  putUint32,
  putUint64,
  putUnsigned,
  stamp,
} from "./put.ts";

const FILLER = 0x7e;

/** The text that is written at a position, and nothing far from it. */
function textOf(write: (target: DataView, at: number) => number): string {
  const bytes = new Uint8Array(NUMBER_ROOM + 8).fill(FILLER);
  const end = write(new DataView(bytes.buffer), 3);
  expect([...bytes.subarray(0, 3)]).toEqual([FILLER, FILLER, FILLER]);
  expect(bytes.subarray(end + OVERSHOOT).every((byte) => byte === FILLER)).toBeTrue();
  return Buffer.from(bytes.buffer, 3, end - 3).toString("latin1");
}

/** Whole numbers of every length. */
const whole = (max: number) =>
  fc.oneof(
    fc.integer({ min: 0, max }),
    fc.integer({ min: 0, max: 53 }).chain((bits) => fc.integer({ min: 0, max: Math.min(max, 2 ** bits) })),
    fc
      .constantFrom(0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, 99_999_999, 100_000_000, max)
      .filter((value) => value <= max),
  );
const MAX_UINT32 = 2 ** 32 - 1;
const MAX_INT31 = 2 ** 31 - 1;
const number = fc.double({ min: 0, max: 1e26, noNaN: true });

describe("numbers are written as C writes them", () => {
  test("whole numbers", () => {
    fc.assert(
      fc.property(
        whole(MAX_INT31),
        whole(2 ** 53),
        whole(MAX_UINT32),
        whole(MAX_UINT32),
        (a, b, low, high) => {
          expect(textOf((target, at) => putInt31(target, at, a))).toBe(String(a));
          expect(textOf((target, at) => putUnsigned(target, at, b))).toBe(String(b));
          expect(textOf((target, at) => putUint32(target, at, low | 0))).toBe(String(low));
          expect(textOf((target, at) => putInt32(target, at, low | 0))).toBe(String(low | 0));
          const both = (BigInt(high) << 32n) | BigInt(low);
          for (const [first, second] of [
            [low, high],
            [low | 0, high | 0],
          ] as const) {
            expect(textOf((target, at) => putUint64(target, at, first, second))).toBe(String(both));
            expect(textOf((target, at) => putHex64(target, at, first, second))).toBe(both.toString(16));
          }
          expect(textOf((target, at) => putHex(target, at, low, 3))).toBe(low.toString(16).padStart(3, "0"));
        },
      ),
    );
  });

  test("numbers with a point", () => {
    fc.assert(
      fc.property(
        whole(MAX_UINT32),
        number,
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (value, large, small) => {
          expect(textOf((target, at) => putThousandths(target, at, value))).toBe(
            formatGeneral(value / 1000, 6),
          );
          for (const each of [large, small, Math.round(small * 20) / 20]) {
            expect(textOf((target, at) => putFixed0(target, at, each))).toBe(formatFixed(each, 0));
            expect(textOf((target, at) => putFixed1(target, at, each))).toBe(formatFixed(each, 1));
            expect(textOf((target, at) => putGeneral3(target, at, each))).toBe(formatGeneral(each, 3));
          }
        },
      ),
    );
  });
});

test("stamps are written whole, and only of text that no double can change", () => {
  for (const text of [
    "",
    "a",
    "eight ch",
    "nine char",
    "sixteen characte",
    " timer:(keepalive,",
    "x".repeat(24),
    "\u007f".repeat(24),
  ])
    expect(textOf((target, at) => putStamp(target, at, stamp(text)))).toBe(text);
  for (const text of ["x".repeat(25), "\u0080", "é"]) expect(() => stamp(text)).toThrow(RangeError);
});

/** Bytes that are NaNs as doubles, with and without a payload. */
const nans = fc
  .array(fc.constantFrom(0xff, 0xff, 0x7f, 0xf0, 0xf8, 1), { maxLength: 40 })
  .map((bytes) => Uint8Array.from(bytes));

test("blanks and copies are as long as they are to be", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -3, max: 40 }),
      fc.oneof(fc.uint8Array({ maxLength: 40 }), nans),
      (count, bytes) => {
        expect(textOf((target, at) => putBlanks(target, at, count))).toBe(" ".repeat(Math.max(count, 0)));
        const source = new DataView(new Uint8Array([...bytes, ...new Uint8Array(OVERSHOOT)]).buffer);
        expect(textOf((target, at) => putCopy(target, at, source, 0, bytes.length))).toBe(
          Buffer.from(bytes).toString("latin1"),
        );
      },
    ),
  );
});
