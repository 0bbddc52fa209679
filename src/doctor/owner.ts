/** Groups sockets by the process that owns them. */
import { processName } from "../enrich/processes.ts";
import type { Socket } from "../families/socket.ts";
import type { HostFacts } from "./sample.ts";

const decoder = new TextDecoder();

/** The owner, where descriptors of some process could not be read. */
const UNSEEN = "a process that cannot be seen";
/** The owner, where every process could be read: it has exited, or the kernel itself holds the socket. */
const UNKNOWN = "an unknown process";

/** Capitalizes a sentence that begins with an unknown owner. Names of processes keep their case. */
export function sentence(text: string): string {
  return text.startsWith(UNSEEN) || text.startsWith(UNKNOWN) ? text[0]!.toUpperCase() + text.slice(1) : text;
}

/** A process and its sockets. */
export interface Group<S> {
  /** undefined if no owner was found. */
  readonly pid: number | undefined;
  /** Its name and pid for a sentence: `nginx (pid 12)`. */
  readonly who: string;
  readonly sockets: S[];
}

/** The facts that name owners. */
export type OwnerFacts = Pick<HostFacts, "owners" | "unreadable">;

/**
 * Groups sockets by their owner, the largest group first. If a socket has several owners, the lowest pid counts: usually
 * the parent, from which the others inherited the socket.
 */
export function byProcess<S extends Socket>(sockets: readonly S[], facts: OwnerFacts): Group<S>[] {
  const groups = new Map<number | undefined, Group<S>>();
  for (const socket of sockets) {
    const [owner] = facts.owners(socket.inode ?? 0).toSorted((a, b) => a.pid - b.pid);
    let group = groups.get(owner?.pid);
    if (group === undefined) {
      const unknown = () => (facts.unreadable().length > 0 ? UNSEEN : UNKNOWN);
      const who =
        owner === undefined ? unknown() : `${decoder.decode(processName(owner.stat))} (pid ${owner.pid})`;
      group = { pid: owner?.pid, who, sockets: [] };
      groups.set(owner?.pid, group);
    }
    group.sockets.push(socket);
  }
  return [...groups.values()].sort((a, b) => b.sockets.length - a.sockets.length);
}

/** `{ PID: pid }` for advice, or nothing if the pid is not known. */
export function pidFill(pid: number | undefined): { readonly PID?: number } {
  return pid === undefined ? {} : { PID: pid };
}
