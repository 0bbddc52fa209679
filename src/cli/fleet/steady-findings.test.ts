import { expect, test } from "bun:test";
import { steadyFindings } from "./steady-findings.ts";

const line = (event: string, subject: string, inode = 1) =>
  JSON.stringify({ event, finding: { rule: "syn-sent", subject, netns: { inode } } });

test("a finding that comes back soon never cleared, one that stays away clears", async () => {
  const passed: string[] = [];
  const findings = steadyFindings((lines) => passed.push(...lines), 20);
  findings.take([line("appeared", "a"), line("appeared", "b")]);
  findings.take([line("cleared", "a"), line("worsened", "b")]);
  findings.take([line("appeared", "a"), line("cleared", "b")]);
  findings.take([line("appeared", "b", 2)]);
  expect(passed).toEqual([
    line("appeared", "a"),
    line("appeared", "b"),
    line("worsened", "b"),
    line("appeared", "b", 2),
  ]);
  passed.length = 0;
  while (passed.length === 0) await Bun.sleep(5);
  expect(passed).toEqual([line("cleared", "b")]);
  findings.take([line("cleared", "a")]);
  findings.end();
  expect(passed).toEqual([line("cleared", "b"), line("cleared", "a")]);
});
