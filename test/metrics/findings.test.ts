/** The doctor's findings as gauges. */
import { expect, test } from "bun:test";
import type { Diagnosis, Report } from "../../src/doctor/examine.ts";
import { rules } from "../../src/doctor/rules/index.ts";
import { MetricsWorld } from "./world.ts";

const ruleNamed = (id: string) => rules.find((rule) => rule.id === id)!;

function report(
  findings: readonly (readonly [id: string, severity: Diagnosis["severity"]])[],
  unchecked: string[] = [],
): Report {
  const diagnoses = findings.map(
    ([id, severity]): Diagnosis => ({
      rule: ruleNamed(id),
      severity,
      subject: "",
      title: "",
      place: undefined,
    }),
  );
  const isUnchecked = ({ id }: { id: string }) => unchecked.includes(id);
  return {
    diagnoses,
    elapsedMs: 0,
    sockets: 0,
    checked: rules.filter((rule) => !isUnchecked(rule)),
    unchecked: rules.filter(isUnchecked),
  };
}

test("every rule has a series from the start, so that an alert sees it rise", () => {
  const world = new MetricsWorld();
  expect(Object.keys(world.values("sockscope_findings"))).toHaveLength(rules.length);
  expect(world.sum("sockscope_findings")).toBe(0);
  expect(world.values("sockscope_findings_timestamp_seconds")).toEqual({});
});

test("findings are counted by rule and severity, and fall to 0 when they clear", () => {
  const world = new MetricsWorld();
  world.metrics.takeReport(
    report([
      ["close-wait", "warning"],
      ["close-wait", "warning"],
      ["time-wait", "warning"],
    ]),
    5000,
  );
  expect(world.nonzero("sockscope_findings")).toEqual({ "close-wait warning": 2, "time-wait warning": 1 });
  expect(world.values("sockscope_findings_timestamp_seconds")).toEqual({ "": 5 });
  world.metrics.takeReport(report([["close-wait", "critical"]]), 6000);
  expect(world.nonzero("sockscope_findings")).toEqual({ "close-wait critical": 1 });
  expect(world.values("sockscope_findings")["close-wait warning"]).toBe(0);
});

test("a rule that a report did not check keeps its findings", () => {
  const world = new MetricsWorld();
  world.metrics.takeReport(
    report([
      ["retransmissions", "warning"],
      ["syn-sent", "warning"],
    ]),
    5000,
  );
  world.metrics.takeReport(report([], ["retransmissions"]), 6000);
  expect(world.nonzero("sockscope_findings")).toEqual({ "retransmissions warning": 1 });
});
