/** Which processes have kept sockets open, by which descriptors: one pass over the descriptors of every process. */
import { keepOutOfLastTier } from "#libc";
import { visitSockets } from "../../../enrich/processes.ts";
import type { Files } from "../../../host/host.ts";
import type { KeptStructs } from "./kept-structs.ts";
import { type LsofProcess, readProcess } from "./process.ts";
import type { Chosen } from "./settings.ts";

/** Sockets of processes, by process id and then by descriptor. */
export interface ProcessSockets {
  readonly processes: readonly LsofProcess[];
  /** The number of entries. */
  readonly count: number;
  /** The numbers of each entry, one behind the other, see {@link entry}. */
  readonly entries: Int32Array;
}

/** Where the numbers of an entry are: the index of its process, the descriptor, the number of its kept socket. */
export const entry = { process: 0, fd: 1, socket: 2, size: 3 } as const;

const FIRST_ROOM = 1024;

/**
 * Finds the processes that have sockets open. The descriptors of a process that is not wanted by its id are not read.
 *
 * @param root where /proc is
 * @param wanted whether the sockets of a process are wanted
 */
export function findProcessSockets(
  files: Files,
  root: string,
  sockets: KeptStructs,
  pids: Chosen<number>,
  wanted: (process: LsofProcess) => boolean,
): ProcessSockets {
  const processes: LsofProcess[] = [];
  let entries = new Int32Array(FIRST_ROOM * entry.size);
  let count = 0;
  const isChosen = (pid: number) =>
    !pids.exclude.includes(pid) && (pids.include.length === 0 || pids.include.includes(pid));
  const everyPid = sockets.count === 0 ? [] : files.list(root).filter((name) => /^\d+$/.test(name));
  const chosen = everyPid.map(Number).filter(isChosen);
  let current: LsofProcess | undefined;
  let isWanted = false;
  let pid = 0;

  const visit = (fd: number, inode: number): void => {
    const socket = sockets.find(inode);
    if (socket < 0) return;
    if (current === undefined) {
      current = readProcess(files, root, pid);
      isWanted = wanted(current);
      if (isWanted) processes.push(current);
    }
    if (!isWanted) return;
    const at = count * entry.size;
    if (at === entries.length) {
      const grown = new Int32Array(entries.length * 2);
      grown.set(entries);
      entries = grown;
    }
    entries[at + entry.process] = processes.length - 1;
    entries[at + entry.fd] = fd;
    entries[at + entry.socket] = socket;
    count++;
  };
  keepOutOfLastTier(visit);

  for (pid of chosen.sort((a, b) => a - b)) {
    current = undefined;
    visitSockets(files, `${root}/${pid}/fd`, visit);
  }
  return { processes, count, entries };
}
