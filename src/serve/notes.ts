/** Problems of samples as sentences for people. */
import { complaint } from "../output/complaint.ts";
import type { Problem } from "../query/query.ts";

/** Problems that every sample would repeat, or that only one column shows by being empty. */
const quiet: ReadonlySet<Problem["kind"]> = new Set(["cgroupMount", "cgroupId", "mounts", "interrupted"]);

/** The sentence for a problem; undefined for one that is not worth a mention. */
export function problemSentence(problem: Problem): string | undefined {
  if (quiet.has(problem.kind) || problem.kind === "unreadable") return undefined;
  const text = complaint(problem, "sockscope").trim();
  return text === "" ? undefined : text;
}
