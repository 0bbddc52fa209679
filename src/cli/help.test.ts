import { expect, test } from "bun:test";
import { commandTable } from "./commands/all.ts";
import { commandHelp } from "./commands/help.ts";
import { lsofHelp } from "./commands/lsof/help.ts";
import { netstatHelp } from "./commands/netstat/help.ts";
import { HELP_COLUMNS, help, version } from "./help.ts";
import { options } from "./options.ts";

const text = help({ program: "ss" });

test("every line fits", () => {
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(HELP_COLUMNS);
});

test("every option is listed once, with its description", () => {
  for (const { longs, brief } of options) {
    for (const long of longs)
      expect(text.match(new RegExp(`--${long}(?![a-z-])`, "g"))?.length).toBeGreaterThan(0);
    expect(text).toContain(`  ${brief}\n`);
  }
});

test("every command is listed, and its help fits", () => {
  for (const [word, command] of commandTable) {
    const { options, operands = "[FILTER]" } = command;
    expect(text).toContain(`\n  ${word} `);
    const shown = commandHelp("sockscope", word, command);
    expect(shown).toStartWith(`Usage: sockscope ${word} [OPTIONS] ${operands}\n`);
    for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(HELP_COLUMNS);
    for (const { brief } of options) expect(shown).toContain(`  ${brief}\n`);
  }
});

test.each([
  ["netstat", netstatHelp()],
  ["lsof", lsofHelp()],
])("the help of %s fits", (command, shown) => {
  expect(shown).toStartWith(`Usage: sockscope ${command} [OPTIONS]\n`);
  for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(HELP_COLUMNS);
});

test("it begins with the program's name and ends in one newline", () => {
  expect(text).toStartWith("Usage: ss [OPTIONS] [FILTER]\n");
  expect(text).toMatch(/bound-inactive\n$/);
});

test("the version is one line that names the ss it follows", () => {
  expect(version("sockscope")).toMatch(/^sockscope \d+\.\d+\.\d+ \(ss of iproute2 7\.1\.0\)\n$/);
});

test("called ss, the version is that of ss, so that scripts can cut it", () => {
  expect(version("ss")).toBe("ss utility, iproute2-7.1.0\n");
});
