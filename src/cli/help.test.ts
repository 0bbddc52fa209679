import { expect, test } from "bun:test";
import { HELP_COLUMNS, usage, version } from "./help.ts";
import { options } from "./options.ts";

const text = usage({ program: "ss" });

test("every line fits", () => {
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(HELP_COLUMNS);
});

test("every option is there once, with what it does", () => {
  for (const { longs, brief } of options) {
    for (const long of longs)
      expect(text.match(new RegExp(`--${long}(?![a-z-])`, "g"))?.length).toBeGreaterThan(0);
    expect(text).toContain(`  ${brief}\n`);
  }
});

test("it begins with the name the program has, and ends in one newline", () => {
  expect(text).toStartWith("Usage: ss [OPTIONS] [FILTER]\n");
  expect(text).toMatch(/bound-inactive\n$/);
});

test("the version is one line that names the ss it follows", () => {
  expect(version()).toMatch(/^sockscope \d+\.\d+\.\d+ \(ss of iproute2 7\.1\.0\)\n$/);
});
