/** What the options of lsof want and nothing was found of, in the order in which `-V` says it. */
import type { Files } from "../../../host/host.ts";
import { choicesById, isLeftOut, type Located } from "./match.ts";
import { type LsofProcess, readProcess } from "./process.ts";
import type { CommandTerm, LsofSettings } from "./settings.ts";
import { stateNumbers } from "./states.ts";

const decoder = new TextDecoder("latin1");

/** Every process. */
function everyProcess(files: Files, root: string): LsofProcess[] {
  const pids = files.list(root).filter((entry) => /^\d+$/.test(entry));
  return pids.map((pid) => readProcess(files, root, Number(pid)));
}

/** What options that choose processes found. */
interface Found {
  readonly pids: ReadonlySet<number>;
  readonly pgids: ReadonlySet<number>;
  readonly commands: ReadonlySet<CommandTerm>;
}

/** Names before regular expressions, and the name that was typed last first: one of them finds a process. */
function inOrder(commands: readonly CommandTerm[]): CommandTerm[] {
  const names = commands.filter(({ isRegular }) => !isRegular).reverse();
  return [...names, ...commands.filter(({ isRegular }) => isRegular)];
}

function findProcesses(settings: LsofSettings, processes: readonly LsofProcess[]): Found {
  const found = { pids: new Set<number>(), pgids: new Set<number>(), commands: new Set<CommandTerm>() };
  const ordered = inOrder(settings.commands);
  for (const process of processes) {
    if (isLeftOut(settings, process)) continue;
    found.pids.add(process.pid);
    found.pgids.add(process.group);
    if (settings.and && choicesById(settings, process).includes(false)) continue;
    const name = decoder.decode(process.name);
    const matching = ordered.filter((command) => command.matches(name));
    if (matching.length > 0 && !matching.some(({ exclude }) => exclude)) found.commands.add(matching[0]!);
  }
  return found;
}

/** Makes a line for each. @param root where /proc is */
export function missing(settings: LsofSettings, files: Files, root: string, located: Located): string[] {
  const { commands, pids, pgids, internet, allInternet, states } = settings;
  const needsProcesses = commands.length + pids.include.length + pgids.include.length > 0;
  const found = findProcesses(settings, needsProcesses ? everyProcess(files, root) : []);
  const unlocated = new Set(internet.flatMap(({ text }, index) => (located.terms[index] ? [] : text)));
  const statesInOrder = [...states.include].sort((a, b) => stateNumbers.get(a)! - stateNumbers.get(b)!);
  return [
    ...inOrder(commands)
      .filter((command) => !found.commands.has(command))
      .map(({ text, isRegular }) =>
        isRegular ? `no command found for regex: ${text}` : `command not located: ${text}`,
      ),
    ...[...unlocated].reverse().map((text) => `Internet address not located: ${text}`),
    ...(allInternet && !located.internet ? ["no Internet files located"] : []),
    ...statesInOrder
      .filter((name) => !located.states.has(name))
      .map((name) => `TCP state not located: ${name}`),
    ...pids.include.filter((pid) => !found.pids.has(pid)).map((pid) => `process ID not located: ${pid}`),
    ...pgids.include
      .filter((group) => !found.pgids.has(group))
      .map((group) => `process group ID not located: ${group}`),
  ];
}
