/** Which changes `doctor --watch` reports. */
import { expect, test } from "bun:test";
import { changesBetween, keysOf, type Watched } from "../../src/cli/commands/doctor/watch.ts";
import type { Diagnosis } from "../../src/doctor/examine.ts";
import { rules } from "../../src/doctor/rules/index.ts";

const watched = (severity: Watched["severity"]): Watched => ({ severity, line: "", object: {}, since: 0 });

test("findings appear, get worse, get better and clear", () => {
  const before = new Map([
    ["same", watched("info")],
    ["worse", watched("warning")],
    ["better", watched("critical")],
    ["gone", watched("info")],
  ]);
  const after = new Map([
    ["same", watched("info")],
    ["worse", watched("critical")],
    ["better", watched("info")],
    ["new", watched("info")],
  ]);
  expect(changesBetween(before, after).map(({ kind, key }) => `${key} ${kind}`)).toEqual([
    "gone cleared",
    "worse worsened",
    "better improved",
    "new appeared",
  ]);
  expect(changesBetween(after, after)).toEqual([]);
});

test("a finding is the same by its rule, namespace and subject, whatever its title", () => {
  const [rule, other] = rules as [Diagnosis["rule"], Diagnosis["rule"]];
  const diagnosis = (subject: string, title: string, by = rule): Diagnosis => ({
    rule: by,
    place: undefined,
    severity: "info",
    subject,
    title,
  });
  const [first] = keysOf([diagnosis("port 80", "5 connections")]);
  expect(keysOf([diagnosis("port 80", "6 connections")])).toEqual([first!]);
  const keys = keysOf([
    diagnosis("port 80", ""),
    diagnosis("port 80", ""),
    diagnosis("port 81", ""),
    diagnosis("port 80", "", other),
  ]);
  expect(new Set(keys).size).toBe(4);
});
