import { expect, test } from "bun:test";
import { integer, leadingInteger, unsigned } from "./c-numbers.ts";

test("integer() reads every base that strtol does", () => {
  const values: Record<string, number> = {
    "0": 0,
    "22": 22,
    "0x16": 22,
    "0X1f": 31,
    "026": 22,
    "-0x10": -16,
    "+5": 5,
    " \t\n7": 7,
    "9007199254740991": Number.MAX_SAFE_INTEGER,
  };
  for (const [text, value] of Object.entries(values)) expect([text, integer(text)]).toEqual([text, value]);
});

test("integer() refuses malformed and too large numbers", () => {
  for (const text of ["", " ", "x", "08", "0x", "0b1", "5x", "5 ", "--5", "1e3", "0o7", "9007199254740992"])
    expect([text, integer(text)]).toEqual([text, undefined]);
});

test("leadingInteger() returns the text behind the number", () => {
  expect(leadingInteger("0x")).toEqual({ value: 0n, rest: "x" });
  expect(leadingInteger("08")).toEqual({ value: 0n, rest: "8" });
  expect(leadingInteger("-1/2")).toEqual({ value: -1n, rest: "/2" });
  expect(leadingInteger("/2")).toBeUndefined();
});

test("unsigned() keeps to its bounds", () => {
  expect(unsigned("255", 255)).toBe(255);
  expect(unsigned("256", 255)).toBeUndefined();
  expect(unsigned("-1", 255)).toBeUndefined();
});
