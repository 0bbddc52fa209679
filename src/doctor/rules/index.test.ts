import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { severities } from "../rule.ts";
import { readThreshold, writeThreshold } from "../threshold.ts";
import { rules } from "./index.ts";

const docs = join(import.meta.dirname, "../../../docs/doctor");
const ids = rules.map(({ id }) => id);

test("every rule has its own id", () => {
  expect(ids.filter((id) => !/^[a-z][a-z0-9-]+$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every rule's file is in the table", () => {
  const files = readdirSync(import.meta.dirname).filter((name) => /^[a-z0-9-]+\.ts$/.test(name));
  expect(
    files
      .map((name) => name.replace(/\.ts$/, ""))
      .filter((name) => name !== "index")
      .sort(),
  ).toEqual([...ids].sort());
});

describe.each(rules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
  test("has all texts that users need", () => {
    expect(severities).toContain(rule.severity);
    expect(rule.title).toMatch(/^[A-Z].*[^.]$/);
    expect(rule.why).toMatch(/\.$/);
    expect(rule.reads.length).toBeGreaterThan(0);
    expect(rule.advice.some(({ command }) => command !== undefined)).toBe(true);
    for (const { text } of rule.advice) expect(text).toMatch(/[^.]$/);
  });

  test("has thresholds whose defaults can be set again", () => {
    for (const { value, quantity, doc } of Object.values(rule.thresholds)) {
      expect(readThreshold(writeThreshold(value, quantity), quantity)).toBe(value);
      // The quantity, and the reason for its value.
      expect(doc).toMatch(/^.+: .+[^.]$/);
    }
  });

  test("has a page that the list of pages names", () => {
    const page = readFileSync(join(docs, `${id}.md`), "utf8");
    expect(page).toContain(`# ${rule.title}`);
    for (const heading of ["## How it arises", "## Reproduce it", "## First command"])
      expect(page).toContain(`\n${heading}\n`);
    expect(page).toContain(`sockscope doctor --rule ${id}`);
    expect(readFileSync(join(docs, "README.md"), "utf8")).toContain(`](${id}.md)`);
  });
});

test("every page belongs to a rule", () => {
  const pages = readdirSync(docs).filter((name) => name !== "README.md");
  expect(pages.map((name) => name.replace(/\.md$/, "")).sort()).toEqual([...ids].sort());
  expect(existsSync(join(docs, "README.md"))).toBe(true);
});
