/** What rules are told of the host beside sockets: files below /proc, processes, names. proc(5). */
import { once } from "../enrich/once.ts";
import { commandLine } from "../enrich/process-details.ts";
import { processName } from "../enrich/processes.ts";
import { type Files, processFile, readBounded } from "../host/host.ts";
import { isLiveProcess } from "../host/process-stat.ts";
import type { DescriptorCount, Surroundings } from "./sample.ts";

const decoder = new TextDecoder();
const NUMBER = /^\d+$/;

/** A process with fewer slots than this share of its limit cannot be near it: the kernel doubles them. */
const NEAR = 0.5;

/** The processes of a host, as far as rules ask for them. */
export type ProcessTable = Pick<Surroundings, "commandLine" | "unreadable" | "descriptors">;

function readOrNothing(files: Files, path: string): Uint8Array {
  try {
    return readBounded(files, path, processFile).bytes;
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

/** The processes below a /proc. Each answer is looked for when it is first asked for. */
export function processTable(files: Files, root: string): ProcessTable {
  const text = (path: string) => decoder.decode(readOrNothing(files, `${root}/${path}`));
  const pids = once(() =>
    listOrNothing(files, root)
      .filter((name) => NUMBER.test(name))
      .map(Number),
  );

  /** Open descriptors of a process; undefined if they are far from the limit, or cannot be counted. */
  function openOf(pid: number, limit: number): number | undefined {
    const told = files.descriptorCount?.(`${root}/${pid}/fd`);
    if (told !== undefined) return told;
    const slots = /^FDSize:\s*(\d+)/m.exec(text(`${pid}/status`))?.[1];
    if (slots === undefined || Number(slots) < limit * NEAR) return undefined;
    const count = listOrNothing(files, `${root}/${pid}/fd`).length;
    return count === 0 ? undefined : count;
  }

  return {
    commandLine: (pid) => commandLine(files, `${root}/${pid}`) ?? [],
    unreadable: once(() =>
      pids().filter(
        (pid) =>
          files.link(`${root}/${pid}/exe`) === undefined &&
          isLiveProcess(readOrNothing(files, `${root}/${pid}/stat`)) &&
          listOrNothing(files, `${root}/${pid}/fd`).length === 0,
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
        const stat = readOrNothing(files, `${root}/${pid}/stat`);
        counts.push({ pid, name: decoder.decode(processName(stat)), open, limit });
      }
      return counts;
    }),
  };
}

/** Files below /proc, as they look from one network namespace. @param files those of a host within it */
export function filesBelow(files: Files, root: string): Pick<Surroundings, "file" | "numbers"> {
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
