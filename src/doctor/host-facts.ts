/** Reads what rules know about the host other than sockets: processes, and files below /proc. proc(5). */
import { once } from "../enrich/once.ts";
import { processName, visitSockets } from "../enrich/processes.ts";
import { type Files, processFile, readBounded } from "../host/host.ts";
import { isLiveProcess, statField } from "../host/process-stat.ts";
import type { DescriptorCount, HostFacts, ProcessFact } from "./sample.ts";

const decoder = new TextDecoder();
const NUMBER = /^\d+$/;

/** A process with fewer slots than this share of its limit cannot be near it: the kernel doubles them. */
const NEAR = 0.5;
/** Bytes of a command line that are read: a process can make its own as large as its memory. */
const COMMAND_LINE = 1 << 16;

/** The facts about processes. */
export type ProcessTable = Pick<
  HostFacts,
  "commandLine" | "unreadable" | "descriptors" | "processes" | "processState" | "socketsOf"
>;

function readOrNothing(files: Files, path: string, bound = processFile): Uint8Array {
  try {
    return readBounded(files, path, bound).bytes;
  } catch {
    return new Uint8Array(0);
  }
}

function listOrNothing(files: Files, path: string): readonly string[] {
  try {
    return files.list(path);
  } catch {
    return [];
  }
}

/** The processes below a /proc. Each fact is read once, when it is first needed. */
export function processTable(files: Files, root: string): ProcessTable {
  const text = (path: string) => decoder.decode(readOrNothing(files, `${root}/${path}`));
  const stat = (pid: number) => readOrNothing(files, `${root}/${pid}/stat`);
  const pids = once(() =>
    listOrNothing(files, root)
      .filter((name) => NUMBER.test(name))
      .map(Number),
  );

  /** Open descriptors of a process; undefined if they are far from the limit, or cannot be counted. */
  function openOf(pid: number, limit: number): number | undefined {
    const count = files.descriptorCount?.(`${root}/${pid}/fd`);
    if (count !== undefined) return count;
    const slots = /^FDSize:\s*(\d+)/m.exec(text(`${pid}/status`))?.[1];
    if (slots === undefined || Number(slots) < limit * NEAR) return undefined;
    return listOrNothing(files, `${root}/${pid}/fd`).length || undefined;
  }

  const socketsByPid = new Map<number, ReadonlySet<number>>();
  const processes = once(() =>
    pids().flatMap((pid): ProcessFact | [] => {
      const bytes = stat(pid);
      if (!isLiveProcess(bytes)) return [];
      return {
        pid,
        name: decoder.decode(processName(bytes)),
        state: statField(bytes, "state")!,
        executable: files.link(`${root}/${pid}/exe`),
      };
    }),
  );

  return {
    processes,
    processState: (pid) => statField(stat(pid), "state"),
    commandLine: (pid) =>
      decoder
        .decode(readOrNothing(files, `${root}/${pid}/cmdline`, { limit: COMMAND_LINE }))
        .split("\0")
        .slice(0, -1),
    socketsOf(pid) {
      let inodes = socketsByPid.get(pid);
      if (inodes === undefined) {
        const found = new Set<number>();
        visitSockets(files, `${root}/${pid}/fd`, (_, inode) => found.add(inode));
        inodes = found;
        socketsByPid.set(pid, inodes);
      }
      return inodes;
    },
    unreadable: once(() =>
      processes().flatMap(({ pid, executable }) =>
        executable === undefined && listOrNothing(files, `${root}/${pid}/fd`).length === 0 ? pid : [],
      ),
    ),
    descriptors: once(() => {
      const counts: DescriptorCount[] = [];
      for (const pid of pids()) {
        const soft = /^Max open files\s+(\d+)/m.exec(text(`${pid}/limits`))?.[1];
        if (soft === undefined) continue;
        const limit = Number(soft);
        const open = openOf(pid, limit);
        if (open === undefined) continue;
        counts.push({ pid, name: decoder.decode(processName(stat(pid))), open, limit });
      }
      return counts;
    }),
  };
}

/** Files below /proc, read inside one network namespace. @param files those of a host within it */
export function filesBelow(files: Files, root: string): Pick<HostFacts, "file" | "numbers"> {
  const file = (path: string): string | undefined => {
    try {
      return decoder.decode(files.read(`${root}/${path}`));
    } catch {
      return undefined;
    }
  };
  return {
    file,
    numbers: (path) =>
      (file(path) ?? "")
        .split(/\s+/)
        .filter((word) => NUMBER.test(word))
        .map(Number),
  };
}
