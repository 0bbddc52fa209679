import { expect, test } from "bun:test";
import type { Severity } from "../doctor/rule.ts";
import type { FindingFacts } from "./facts.ts";
import { FindingLog, type FoundNow } from "./finding-log.ts";

function logOf() {
  const rows = new Map<number, FindingFacts>();
  let id = 0;
  const store = {
    fileNumber: 1,
    newFindingId: () => ++id,
    finding: (id: number, facts: FindingFacts) => void rows.set(id, facts),
    findingLasts: (id: number, lastMs: number) => void rows.set(id, { ...rows.get(id)!, lastMs }),
  };
  return { store, rows, log: new FindingLog(store) };
}

const found = (subject: string, severity: Severity = "warning"): FoundNow => ({
  key: subject,
  rule: "syn-sent",
  severity,
  place: 1,
  subject,
  title: `${subject} ${severity}`,
  json: () => "{}",
});

test("a finding has one row from when it appears until it has been gone for thirty seconds", () => {
  const { rows, log } = logOf();
  expect(log.take([found("a")], 0)).toHaveLength(1);
  expect(log.take([found("a"), found("b")], 5000).map(({ key }) => key)).toEqual(["b"]);
  // A sample without it is no end.
  expect(log.take([found("b")], 10_000)).toEqual([]);
  expect(log.take([found("a"), found("b")], 15_000)).toEqual([]);
  for (let at = 20_000; at <= 50_000; at += 5000) expect(log.take([found("b")], at)).toEqual([]);
  expect(rows.get(1)).toMatchObject({ firstMs: 0, lastMs: 15_000, clearedMs: 20_000 });
  expect(log.take([found("a")], 55_000)).toHaveLength(1);
  expect(rows.get(3)).toMatchObject({ subject: "a", firstMs: 55_000, clearedMs: undefined });
});

test("the row keeps the worst severity", () => {
  const { rows, log } = logOf();
  log.take([found("a", "info")], 0);
  log.take([found("a", "critical")], 1000);
  log.take([found("a", "warning")], 120_000);
  expect(rows.get(1)).toMatchObject({ severity: "critical", title: "a critical", lastMs: 120_000 });
});

test("every file has the findings that last in its time", () => {
  const { store, rows, log } = logOf();
  log.take([found("a")], 0);
  store.fileNumber = 2;
  rows.clear();
  log.take([found("a")], 1000);
  expect(rows.get(1)).toMatchObject({ firstMs: 0, lastMs: 1000 });
});

test("a clock that is set back ends no finding before it began", () => {
  const { rows, log } = logOf();
  log.take([found("a")], 1_000_000);
  log.take([found("a")], 0);
  log.take([], 1000);
  const { firstMs, lastMs, clearedMs } = rows.get(1)!;
  expect(lastMs).toBeGreaterThanOrEqual(firstMs);
  expect(clearedMs).toBeGreaterThanOrEqual(lastMs);
});
