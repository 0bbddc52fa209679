/** Which files the options of lsof select, and which of the options found nothing. */
import type { InternetFile, LsofFile } from "./files.ts";
import { type End, matchesTerm } from "./internet.ts";
import type { LsofProcess } from "./process.ts";
import type { DescriptorRange, LsofSettings } from "./settings.ts";
import { stateNumbers } from "./states.ts";

/** What of the options was found. */
export interface Located {
  /** Some Internet socket. */
  internet: boolean;
  /** By index of the terms of `-i`. */
  readonly terms: boolean[];
  /** By name. */
  readonly states: Set<string>;
}

const decoder = new TextDecoder("latin1");

function isAmong(ranges: readonly DescriptorRange[], fd: number): boolean {
  return ranges.some(([low, high]) => fd >= low && fd <= high);
}

/** Whether an option other than `-c` takes all files of a process out. */
export function isLeftOut({ pids, pgids, uids }: LsofSettings, process: LsofProcess): boolean {
  return (
    pids.exclude.includes(process.pid) ||
    pgids.exclude.includes(process.group) ||
    uids.exclude.includes(process.uid ?? -1)
  );
}

/** For each option other than `-c` that chooses processes: whether it chooses this one. */
export function choicesById({ pids, pgids, uids }: LsofSettings, process: LsofProcess): boolean[] {
  const lists = [
    [pids.include, process.pid],
    [pgids.include, process.group],
    [uids.include, process.uid ?? -1],
  ] as const;
  return lists.flatMap(([include, value]) => (include.length === 0 ? [] : include.includes(value)));
}

/** Whether an option takes all files of a process out. */
function isExcluded(settings: LsofSettings, process: LsofProcess, name: string): boolean {
  return (
    isLeftOut(settings, process) ||
    settings.commands.some((command) => command.exclude && command.matches(name))
  );
}

/** For each option that chooses processes: whether it chooses this one. */
function choices(settings: LsofSettings, process: LsofProcess, name: string): boolean[] {
  const chosen = settings.commands.filter(({ exclude }) => !exclude);
  return [
    ...choicesById(settings, process),
    ...(chosen.length === 0 ? [] : [chosen.some((command) => command.matches(name))]),
  ];
}

/** Whether options choose processes or descriptors; `-d ^FD` chooses all other descriptors. */
export function choosesProcesses({ pids, pgids, uids, commands, fds }: LsofSettings): boolean {
  return (
    fds !== undefined ||
    [pids, pgids, uids].some(({ include }) => include.length > 0) ||
    commands.some(({ exclude }) => !exclude)
  );
}

/** Whether options choose kinds of sockets. */
export function choosesSockets({ allInternet, internet, unix }: LsofSettings): boolean {
  return allInternet || internet.length > 0 || unix;
}

/** Whether a file need match only one of the options: lsof's rule without `-a`. */
export function matchesAny(settings: LsofSettings): boolean {
  return !settings.and && choosesProcesses(settings);
}

/** Whether the options want the sockets of a process, where a file must match all of them. */
export function wantsProcess(settings: LsofSettings, process: LsofProcess): boolean {
  const name = decoder.decode(process.name);
  return !isExcluded(settings, process, name) && choices(settings, process, name).every((each) => each);
}

/** Whether the state of a TCP socket is wanted; the numbers of the kernel stand for UDP's states, too. */
function stateWanted({ states }: LsofSettings, number: number): boolean {
  const is = (name: string) => stateNumbers.get(name) === number;
  return !states.exclude.some(is) && (states.include.length === 0 || states.include.some(is));
}

/** Whether a socket has no peer. */
function isZero({ address, port }: End): boolean {
  return port === 0 && address.every((byte) => byte === 0);
}

/** Nothing was found yet. */
export function nothingLocated({ internet }: LsofSettings): Located {
  return { internet: false, terms: internet.map(() => false), states: new Set() };
}

/**
 * Whether `-i` means an Internet socket. Records what it shows to be there: as in lsof, the last term that matches, and
 * its repetitions.
 */
function meansInternet(settings: LsofSettings, file: InternetFile, located: Located): boolean {
  const { allInternet, allFamily, internet, and } = settings;
  const { protocol, family, local, peer } = file;
  const ends = isZero(peer) ? [local] : [local, peer];
  const found = internet.findLast((each) => matchesTerm(each, protocol, family, ends));
  if (found !== undefined)
    for (const [index, { text }] of internet.entries()) if (text === found.text) located.terms[index] = true;
  const isOfAll = allInternet && (allFamily === undefined || allFamily === family);
  if (isOfAll) located.internet = true;
  const isOfTerms = found !== undefined;
  // -i without a term and -i with one are two selections.
  return and && allInternet && internet.length > 0 ? isOfAll && isOfTerms : isOfAll || isOfTerms;
}

/** Whether the state of an Internet socket is wanted. Records which states are there. */
function admitsState(settings: LsofSettings, { socket }: InternetFile, located: Located): boolean {
  const number = socket.stateNumber;
  if (!stateWanted(settings, number)) return false;
  for (const name of settings.states.include) if (stateNumbers.get(name) === number) located.states.add(name);
  return true;
}

/** Whether `-i`, `-U` and `-s` want an Internet socket of a process that is wanted. */
export function wantsInternet(settings: LsofSettings, file: InternetFile, located: Located): boolean {
  return (
    admitsState(settings, file, located) &&
    meansInternet(settings, file, located) &&
    !(settings.and && settings.unix)
  );
}

/** Whether the options want a descriptor. */
export function wantsDescriptor({ fds }: LsofSettings, fd: number): boolean {
  if (fds === undefined) return true;
  return !isAmong(fds.exclude, fd) && (fds.include.length === 0 || isAmong(fds.include, fd));
}

/** What is decided once a process. */
interface Decision {
  readonly excluded: boolean;
  readonly choices: readonly boolean[];
}

/** Selects files, and records which of the options found something. */
export function selectFiles(
  settings: LsofSettings,
  files: readonly LsofFile[],
): { readonly selected: readonly LsofFile[]; readonly located: Located } {
  const { allInternet, internet, unix, and, fds } = settings;
  const located = nothingLocated(settings);
  const decisions = new Map<LsofProcess, Decision>();
  const decisionOf = (process: LsofProcess): Decision => {
    let decision = decisions.get(process);
    if (decision === undefined) {
      const name = decoder.decode(process.name);
      decision = {
        excluded: isExcluded(settings, process, name),
        choices: choices(settings, process, name),
      };
      decisions.set(process, decision);
    }
    return decision;
  };
  const any = matchesAny(settings);
  const everySocket = !any && !choosesSockets(settings);
  const selected = files.filter((file) => {
    const { excluded, choices } = decisionOf(file.process);
    if (excluded) return false;
    if (!any && !choices.every((each) => each)) return false;
    if (file.kind === "internet" && !admitsState(settings, file, located)) return false;
    const meant =
      everySocket ||
      (file.kind === "unix"
        ? unix && !(and && (allInternet || internet.length > 0))
        : meansInternet(settings, file, located) && !(and && unix));
    if (isAmong(fds?.exclude ?? [], file.fd)) return false;
    const isFd = fds === undefined ? undefined : wantsDescriptor(settings, file.fd);
    return any ? meant || choices.includes(true) || isFd === true : meant && isFd !== false;
  });
  return { selected, located };
}
