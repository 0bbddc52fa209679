/** The processes that have the watched sockets open. A pass over /proc looks for new sockets only, and not too often. */
import { containerLabel, findContainers } from "../enrich/containers.ts";
import { type ProcessScan, processName, scanInSteps } from "../enrich/processes.ts";
import type { Files } from "../host/host.ts";
import { NO_UID, type SocketTable } from "./table.ts";

/** Facts about processes and users, by their ids; process id 0 stands for none. */
export interface Holders {
  /** Name and id of a process. */
  label(pid: number): string | undefined;
  /** Name of a process. */
  name(pid: number): string | undefined;
  /** The container of a process. */
  container(pid: number): string | undefined;
  /** The systemd unit of a process. */
  unit(pid: number): string | undefined;
  /** Name of a user, or the uid if it has none. */
  user(uid: number): string | undefined;
}

/** Called often during long work: lets other work run when it is time, and throws when the work must end. */
export type Breathe = () => Promise<void> | undefined;

/** Looks for the processes that have sockets open. */
export interface OwnerSearch extends Holders {
  /**
   * Searches for the owners of sockets that have none yet, unless the last pass is too recent.
   *
   * @param now in milliseconds
   */
  refresh(table: SocketTable, now: () => number, breathe: Breathe): Promise<void>;
}

/** The rest after a pass, as a multiple of its time: passes take no more than a tenth of the time. */
const REST = 9;
/** The shortest rest, in milliseconds. */
const SHORTEST_REST = 1000;
/** Milliseconds after which a pass looks for all owners: a process may have passed on its socket, or ended. */
const RENEWAL = 30_000;

const decoder = new TextDecoder();
const options = { threads: false, processContext: false, socketContext: false };

/**
 * Makes a search for owners.
 *
 * @param root where /proc is
 * @param userName gives the name of a user
 */
export function ownerSearch(
  files: Files,
  root: string,
  userName: (uid: number) => string | undefined,
): OwnerSearch {
  let names = new Map<number, string>();
  let labels = new Map<number, string>();
  let containers = findContainers(files, root);
  const users = new Map<number, string>();
  let restUntil = Number.NEGATIVE_INFINITY;
  let renewAt = Number.NEGATIVE_INFINITY;

  /** The slots of the sockets to look for, by inode. */
  function wanted(table: SocketTable, all: boolean): Map<number, number> {
    const found = new Map<number, number>();
    for (let slot = 0; slot < table.end; slot++) {
      const inode = table.inode[slot]!;
      if (table.isLive(slot) && inode !== 0 && (all || table.process[slot] === 0)) found.set(inode, slot);
    }
    return found;
  }

  async function scan(inodes: ReadonlySet<number>, breathe: Breathe): Promise<ProcessScan> {
    const steps = scanInSteps(files, root, inodes, options);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      await breathe();
    }
  }

  async function search(table: SocketTable, all: boolean, breathe: Breathe): Promise<void> {
    const slots = wanted(table, all);
    if (slots.size === 0) return;
    if (all) {
      names = new Map();
      labels = new Map();
      containers = findContainers(files, root);
      for (const slot of slots.values()) table.process[slot] = 0;
    }
    const inodes = new Set(slots.keys());
    const { owners: found } = await scan(inodes, breathe);
    for (const inode of found.inodes()) {
      const { pid, stat } = found.holder(found.holderOf(found.first(inode)));
      table.process[slots.get(inode)!] = pid;
      if (!names.has(pid)) names.set(pid, decoder.decode(processName(stat)));
    }
  }

  return {
    async refresh(table, now, breathe) {
      const began = now();
      if (began < restUntil) return;
      const all = began >= renewAt;
      await search(table, all, breathe);
      const ended = now();
      restUntil = ended + Math.max(SHORTEST_REST, (ended - began) * REST);
      if (all) renewAt = ended + RENEWAL;
    },
    name: (pid) => names.get(pid),
    label(pid) {
      if (pid === 0) return undefined;
      let label = labels.get(pid);
      if (label === undefined) {
        label = `${names.get(pid) ?? ""} ${pid}`.trimStart();
        labels.set(pid, label);
      }
      return label;
    },
    container(pid) {
      if (pid === 0) return undefined;
      const { container } = containers.byProcess(pid);
      return container && containerLabel(container);
    },
    unit: (pid) => (pid === 0 ? undefined : containers.byProcess(pid).unit),
    user(uid) {
      if (uid === NO_UID) return undefined;
      let name = users.get(uid);
      if (name === undefined) {
        name = userName(uid) ?? `${uid}`;
        users.set(uid, name);
      }
      return name;
    },
  };
}
