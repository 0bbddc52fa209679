import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { durationText, readTime, timeText } from "./time.ts";

const now = new Date(2026, 10, 21, 10, 30, 15).getTime();
const at = (...parts: [number, number, number, number?, number?, number?]) => {
  const [year, month, day, hour = 0, minute = 0, second = 0] = parts;
  return new Date(year, month - 1, day, hour, minute, second).getTime();
};

describe("readTime()", () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ["now", now],
    ["10:00", at(2026, 11, 21, 10)],
    ["10:00:05", at(2026, 11, 21, 10, 0, 5)],
    // Still to come today, so that it is yesterday's.
    ["23:12", at(2026, 11, 20, 23, 12)],
    ["today", at(2026, 11, 21)],
    ["yesterday", at(2026, 11, 20)],
    ["yesterday 03:12", at(2026, 11, 20, 3, 12)],
    ["-2h", now - 7_200_000],
    ["-90s", now - 90_000],
    ["1.5h ago", now - 5_400_000],
    ["-1d", now - 86_400_000],
    ["2026-11-20", at(2026, 11, 20)],
    ["2026-11-20 03:12", at(2026, 11, 20, 3, 12)],
    ["2026-11-20T03:12:05", at(2026, 11, 20, 3, 12, 5)],
    ["2026-11-20T03:12:05Z", Date.UTC(2026, 10, 20, 3, 12, 5)],
    ["2026-11-20T03:12:05.250+02:00", Date.UTC(2026, 10, 20, 1, 12, 5, 250)],
    ["1795230725", 1_795_230_725_000],
    ["@1795230725.5", 1_795_230_725_500],
    ["1795230725123", 1_795_230_725_123],
    ["25:00", undefined],
    ["2026-02-30", undefined],
    ["-2x", undefined],
    ["", undefined],
    ["soon", undefined],
  ];
  for (const [text, expected] of rows) test(`"${text}"`, () => expect(readTime(text, now)).toBe(expected!));

  test("reads what timeText() writes", () => {
    const seconds = fc.integer({ min: 1e9, max: 4e9 }).map((value) => value * 1000);
    // The hour that is there twice when summer ends cannot be told.
    const unique = seconds.filter(
      (ms) => timeText(ms) !== timeText(ms - 3_600_000) && timeText(ms) !== timeText(ms + 3_600_000),
    );
    fc.assert(fc.property(unique, (ms) => readTime(timeText(ms), now) === ms));
  });

  test("takes any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => ["number", "undefined"].includes(typeof readTime(text, now))),
    );
  });
});

test("durationText() has the two largest units", () => {
  expect([0, 40_000, 303_000, 3_600_000, 93_600_000].map(durationText)).toEqual([
    "0s",
    "40s",
    "5m 3s",
    "1h",
    "1d 2h",
  ]);
});
