/** Writes the problems of a listing to standard error. */
import { countProcesses } from "../enrich/processes.ts";
import type { Host } from "../host/host.ts";
import type { Sources } from "../procfs/source.ts";
import type { Problem } from "../query/query.ts";
import { complaint } from "./complaint.ts";
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

/** A function that writes problems to standard error. */
export function reporter(world: World, host: Host, sources: Sources): (problem: Problem) => void {
  return (problem) => {
    const text = problemText(world, host, sources, problem);
    if (text !== "") world.stderr.write(encoder.encode(text));
  };
}
