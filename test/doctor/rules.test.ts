/** Every rule of the doctor as a pure function: on ill samples, on healthy ones, and at the edge of each threshold. */
import { describe, expect, test } from "bun:test";
import { rules } from "../../src/doctor/rules/index.ts";
import { listRules } from "../../src/output/doctor.ts";
import type { RuleCase } from "./case.ts";
import { hostCases } from "./host-cases.ts";
import { openingCases } from "./opening-cases.ts";
import { check } from "./samples.ts";
import { transferCases } from "./transfer-cases.ts";

const cases: Readonly<Record<string, RuleCase>> = { ...openingCases, ...transferCases, ...hostCases };

test("every rule has a case", () => {
  expect(Object.keys(cases).sort()).toEqual(rules.map(({ id }) => id).sort());
});

test("the list of rules fits 100 columns, and long lines continue deeper", () => {
  const chosen = rules.map((rule) => ({
    rule,
    thresholds: Object.fromEntries(Object.entries(rule.thresholds).map(([name, { value }]) => [name, value])),
  }));
  const ids = rules.map(({ id }) => id).join("|");
  const line = new RegExp(`^(?:(?:${ids}) \\(|  (?:${ids})\\.[a-z-]+=| {6}\\S)`);
  for (const each of listRules(chosen).trimEnd().split("\n")) {
    expect(each).toMatch(line);
    expect(each.length).toBeLessThanOrEqual(100);
  }
});

describe.each(rules.map((rule) => [rule.id, rule] as const))("%s", (id, rule) => {
  const { ill, finds, healthy, edges, more = {} } = cases[id]!;

  test("finds the problem in ill samples", () => {
    const findings = check(rule, ill);
    expect(findings).toHaveLength(1);
    const { evidence = [], title, ...others } = finds;
    expect(findings[0]).toMatchObject(others as never);
    if (typeof title === "string") expect(findings[0]!.title).toBe(title);
    else expect(findings[0]!.title).toMatch(title);
    for (const line of evidence)
      expect((findings[0]!.evidence ?? []).some((each) => each === line || each.match(line))).toBe(true);
  });

  test("writes titles as one sentence without a full stop", () => {
    for (const scene of [ill, ...Object.values(edges).flat()])
      for (const { title } of check(rule, scene)) {
        expect(title).toMatch(/[^.]$/);
        expect(title).not.toMatch(/undefined|NaN|Infinity|\b1 [a-z-]+s\b(?! )/);
      }
  });

  test("finds nothing without sockets, counters and files", () => {
    expect(check(rule, {})).toEqual([]);
    expect(check(rule, { elapsedMs: 2000 })).toEqual([]);
  });

  test.each(Object.entries(healthy))("finds nothing: %s", (_, scene) => {
    expect(check(rule, scene)).toEqual([]);
  });

  test("has a case for each threshold", () => {
    expect(Object.keys(edges).sort()).toEqual(Object.keys(rule.thresholds).sort());
  });

  test.each(Object.entries(edges))("decides by %s", (_, [short, reached]) => {
    const severities = (scene: typeof short) => check(rule, scene).map(({ severity }) => severity);
    expect(severities(reached)).not.toEqual([]);
    expect(severities(short)).not.toEqual(severities(reached));
  });

  test.each(Object.entries(more))("%s", (_, [scene, findings]) => {
    const found = check(rule, scene).map(({ severity, subject }) => `${severity} ${subject}`.trim());
    expect(found.sort()).toEqual([...findings].sort());
  });
});
