/** `history findings`: what the doctor's rules found while it was recorded. */
import { escapeText } from "../../../bytes/terminal.ts";
import { rules } from "../../../doctor/rules/index.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { recordedFindingObject } from "../../../output/recorded-finding.ts";
import type { StoredFinding } from "../../../store/noted.ts";
import type { Span, StoreReader } from "../../../store/reader.ts";
import { durationText, timeText } from "../../../store/time.ts";
import { halt } from "../../halt.ts";
import type { Task } from "../command.ts";
import { aligned, writeLines, writeObject } from "./answer.ts";
import type { HistorySettings } from "./settings.ts";
import { usageStop } from "./span.ts";

/** Whether several network namespaces have findings, so that each is named. */
function severalPlaces(findings: readonly StoredFinding[]): boolean {
  return new Set(findings.map(({ netns }) => netns?.inode)).size > 1;
}

/** Shows the findings of a span. Words name the rules. @returns the exit status */
export async function showFindings(
  task: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
  words: readonly string[],
): Promise<number> {
  const { world, draft } = task;
  const unknown = words.find((word) => !rules.some(({ id }) => id === word));
  if (unknown !== undefined)
    return halt(world, usageStop(world.program, `unknown rule "${unknown}": doctor --list-rules lists them`));
  const findings = reader
    .findings(span)
    .filter(({ rule }) => words.length === 0 || words.includes(rule))
    .slice(0, draft.top);
  if (draft.format !== "table") {
    writeObject(task, { findings: findings.map(recordedFindingObject) }, reader.coverage(span));
    return 0;
  }
  const names = severalPlaces(findings);
  const rows = findings.map(({ severity, title, rule, netns, firstMs, lastMs, clearedMs }) => {
    const where = names && netns !== undefined ? ` in ${netnsLabel(netns)}` : "";
    const end = clearedMs ?? lastMs;
    const lasted = durationText(end - firstMs);
    const state = clearedMs === undefined ? `last ${timeText(lastMs)}` : `until ${timeText(clearedMs)}`;
    return [timeText(firstMs), state, lasted, escapeText(`${severity}${where}: ${title} [${rule}]`)];
  });
  writeLines(task, aligned(rows));
  return 0;
}
