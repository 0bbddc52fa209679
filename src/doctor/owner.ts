/** Sockets by the processes that have them open. */
import { processName } from "../enrich/processes.ts";
import type { Socket } from "../families/socket.ts";
import type { Surroundings } from "./sample.ts";

const decoder = new TextDecoder();

/** How a process is called that nobody may look at, or that is none any more. */
const UNSEEN = "a process that cannot be seen";

/** A sentence that may begin with such a process, as sentences begin. Names of processes stay as they are. */
export function sentence(text: string): string {
  return text.startsWith(UNSEEN) ? text[0]!.toUpperCase() + text.slice(1) : text;
}

/** A process and its sockets. */
export interface Group<S> {
  /** undefined: nobody has the sockets open, or it may not be known who. */
  readonly pid: number | undefined;
  /** How it is called in a sentence: its name and pid. */
  readonly who: string;
  readonly sockets: S[];
}

/** Groups sockets by the process that found them first: one that was forked shares those of its parent. */
export function byProcess<S extends Socket>(
  sockets: readonly S[],
  { owners }: Pick<Surroundings, "owners">,
): Group<S>[] {
  const groups = new Map<number | undefined, Group<S>>();
  for (const socket of sockets) {
    // The lowest pid is the parent's, as a rule.
    const [owner] = owners(socket.inode ?? 0).toSorted((a, b) => a.pid - b.pid);
    let group = groups.get(owner?.pid);
    if (group === undefined) {
      const who =
        owner === undefined ? UNSEEN : `${decoder.decode(processName(owner.stat))} (pid ${owner.pid})`;
      group = { pid: owner?.pid, who, sockets: [] };
      groups.set(owner?.pid, group);
    }
    group.sockets.push(socket);
  }
  return [...groups.values()].sort((a, b) => b.sockets.length - a.sockets.length);
}
