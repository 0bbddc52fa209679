/** Writes the problems of a listing to standard error. */
import { countProcesses } from "../enrich/processes.ts";
import type { Host } from "../host/host.ts";
import { complaint } from "../output/complaint.ts";
import type { Sources } from "../procfs/source.ts";
import type { Problem } from "../query/query.ts";
import type { Draft } from "./draft.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/** How many processes could not be read; only for a terminal. Processes that have exited do not count. */
function unreadableNote(
  { program, stderr }: World,
  { files }: Host,
  root: string,
  pids: readonly number[],
): string {
  if (stderr.terminalColumns === undefined) return "";
  const count = countProcesses(files, root, pids);
  if (count === 0) return "";
  const which = count === 1 ? "1 process" : `${count} processes`;
  return `${program}: cannot read the descriptors of ${which}: their sockets show no owner\n`;
}

/** The message for a problem, with its newlines. Empty if ss does not report the problem. */
export function problemText(world: World, host: Host, { root }: Sources, problem: Problem): string {
  return problem.kind === "unreadable"
    ? unreadableNote(world, host, root, problem.pids)
    : complaint(problem, world.program);
}

/** A function that writes problems to standard error. It returns false for a problem that ss does not report. */
export function reporter(world: World, host: Host, sources: Sources): (problem: Problem) => boolean {
  return (problem) => {
    const text = problemText(world, host, sources, problem);
    if (text !== "") world.stderr.write(encoder.encode(text));
    return text !== "";
  };
}

/**
 * The exit status where sockets may be missing. ss exits with 0 after most of these problems, and a person reads its
 * messages; a program only sees the status. So the text form has it only for problems that ss does not know.
 */
const EXIT_INCOMPLETE = 1;

/** The problems after which sockets, or parts of them, may be missing. */
const losses: ReadonlySet<Problem["kind"]> = new Set([
  "socket",
  "refused",
  "interrupted",
  "malformed",
  "diagFile",
  "notDestroyed",
]);

/** Whether a problem that was mentioned makes a listing incomplete. */
function isLoss(problem: Problem, { format, allNetns }: Pick<Draft, "format" | "allNetns">): boolean {
  if (problem.kind === "undecodable") return true;
  if (problem.kind === "namespace")
    return problem.problem.what === "entry" || problem.problem.what === "entries";
  if (problem.kind === "socket" && allNetns) return true;
  return format !== "table" && losses.has(problem.kind);
}

/** Adds the exit status of a listing to what reports its problems. */
export function withStatus(
  report: (problem: Problem) => boolean,
  draft: Pick<Draft, "format" | "allNetns">,
): { readonly report: (problem: Problem) => void; status(): number } {
  let status = 0;
  return {
    report(problem) {
      if (report(problem) && isLoss(problem, draft)) status = EXIT_INCOMPLETE;
    },
    status: () => status,
  };
}
