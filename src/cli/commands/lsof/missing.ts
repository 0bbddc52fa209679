/** What the options of lsof ask for and nothing was found of, in the order in which `-V` says it. */
import { processName } from "../../../enrich/processes.ts";
import type { Files } from "../../../host/host.ts";
import { statField } from "../../../host/process-stat.ts";
import type { Located } from "./match.ts";
import type { LsofSettings } from "./settings.ts";

const decoder = new TextDecoder("latin1");

/** Every process: its id, name and group. */
function* everyProcess(files: Files, root: string): Generator<{ pid: number; name: string; group: number }> {
  for (const entry of files.list(root)) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = files.read(`${root}/${entry}/stat`);
      yield {
        pid: Number(entry),
        name: decoder.decode(processName(stat)),
        group: Number(statField(stat, "group")),
      };
    } catch {
      // It is gone.
    }
  }
}

/** Makes a line for each. */
export function missing(settings: LsofSettings, files: Files, root: string, located: Located): string[] {
  const { commands, pids, pgids, internet, allInternet, unix, states } = settings;
  const looksAtProcesses = commands.length + pids.include.length + pgids.include.length > 0;
  const processes = looksAtProcesses ? [...everyProcess(files, root)] : [];
  const lines: string[] = [];
  // A process that `^` leaves out is none that was found.
  for (const { text, exclude, matches } of commands)
    if (exclude || !processes.some(({ name }) => matches(name))) lines.push(`command not located: ${text}`);
  for (const [index, { text }] of [...internet.entries()].reverse())
    if (!located.terms[index]) lines.push(`Internet address not located: ${text}`);
  if (allInternet && !located.internet) lines.push("no Internet files located");
  if (unix && !located.unix) lines.push("no UNIX files located");
  for (const name of states.include)
    if (!located.states.has(name)) lines.push(`TCP state not located: ${name}`);
  for (const pid of pids.include)
    if (!processes.some((process) => process.pid === pid)) lines.push(`process ID not located: ${pid}`);
  for (const group of pgids.include)
    if (!processes.some((process) => process.group === group))
      lines.push(`process group ID not located: ${group}`);
  return lines;
}
