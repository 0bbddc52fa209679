/** Which files the options of lsof select, and which of the options found nothing. */
import type { InternetFile, LsofFile } from "./files.ts";
import { type End, matchesTerm } from "./internet.ts";
import type { LsofProcess } from "./process.ts";
import type { Chosen, LsofSettings } from "./settings.ts";
import { stateNumbers } from "./states.ts";

/** What of the options was found. */
export interface Located {
  /** Some Internet socket. */
  internet: boolean;
  /** By index of the terms of `-i`. */
  readonly terms: boolean[];
  unix: boolean;
  /** By name. */
  readonly states: Set<string>;
}

const decoder = new TextDecoder("latin1");

function passes<T>({ include, exclude }: Chosen<T>, value: T): boolean {
  return !exclude.includes(value) && (include.length === 0 || include.includes(value));
}

/** Whether the options want the sockets of a process. */
export function wantsProcess(settings: LsofSettings, process: LsofProcess): boolean {
  const { pids, pgids, uids, commands } = settings;
  const name = decoder.decode(process.name);
  const included = commands.filter(({ exclude }) => !exclude);
  return (
    passes(pids, process.pid) &&
    passes(pgids, process.group) &&
    passes(uids, process.uid ?? -1) &&
    !commands.some((command) => command.exclude && command.matches(name)) &&
    (included.length === 0 || included.some((command) => command.matches(name)))
  );
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
  return { internet: false, terms: internet.map(() => false), unix: false, states: new Set() };
}

/** Whether the options want an Internet socket of a process that they want. Records what it shows to be there. */
export function wantsInternet(settings: LsofSettings, file: InternetFile, located: Located): boolean {
  const { allInternet, internet, unix, and, states } = settings;
  const { socket, protocol, family, local, peer } = file;
  const number = socket.stateNumber;
  if (!stateWanted(settings, number)) return false;
  for (const name of states.include) if (stateNumbers.get(name) === number) located.states.add(name);
  const ends = isZero(peer) ? [local] : [local, peer];
  let term = false;
  for (const [index, each] of internet.entries()) {
    if (!matchesTerm(each, protocol, family, ends)) continue;
    located.terms[index] = true;
    term = true;
  }
  if (allInternet) located.internet = true;
  return (allInternet || term) && !(and && unix);
}

/** Whether the options want a descriptor. */
export function wantsDescriptor({ fds }: LsofSettings, fd: number): boolean {
  return fds === undefined || passes(fds, fd);
}

/** Selects files, and records which of the options found something. */
export function selectFiles(
  settings: LsofSettings,
  files: readonly LsofFile[],
): { readonly selected: readonly LsofFile[]; readonly located: Located } {
  const { allInternet, internet, unix, and } = settings;
  const located = nothingLocated(settings);
  const wanted = new Map<LsofProcess, boolean>();
  const selected = files.filter((file) => {
    const { process } = file;
    let of = wanted.get(process);
    if (of === undefined) {
      of = wantsProcess(settings, process);
      wanted.set(process, of);
    }
    if (!of) return false;
    if (file.kind === "unix" && unix) located.unix = true;
    const matches =
      file.kind === "unix"
        ? unix && !(and && (allInternet || internet.length > 0))
        : wantsInternet(settings, file, located);
    return matches && wantsDescriptor(settings, file.fd);
  });
  return { selected, located };
}
