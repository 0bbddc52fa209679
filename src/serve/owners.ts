/** The processes that have the served sockets open: kept from sample to sample, found in a small part of the time. */
import { containerLabel, findContainers } from "../enrich/containers.ts";
import { OwnerTable } from "../enrich/owner-table.ts";
import { type Owner, processName, scanInSteps } from "../enrich/processes.ts";
import type { Files } from "../host/host.ts";
import type { Breathe, Holders } from "../live/owners.ts";
import { NO_UID, type SocketTable } from "../live/table.ts";

/** The owners of sockets, and facts about them. */
export interface OwnerKeeper extends Holders {
  /** The processes that have the socket of an inode open; undefined if none is known. */
  owners(inode: number): readonly Owner[] | undefined;
  /** The process that is shown for a socket, 0 if none is known. */
  processOf(inode: number): number;
  /** Whether a pass has been made. */
  readonly ready: boolean;
  /**
   * Looks for the owners of a table's sockets, if one of them is new and the passes so far have left time for another.
   *
   * @param now in milliseconds
   * @returns whether a pass was made
   */
  refresh(table: SocketTable, now: () => number, breathe: Breathe): Promise<boolean>;
}

/** The part of a processor's time that passes may take, and the longest and shortest rest between two. */
const SHARE = 0.01;
const SHORTEST_REST_MS = 1000;
const LONGEST_REST_MS = 30_000;
/** Milliseconds after which a pass is made even if no socket is new: a process may have passed on its socket. */
const RENEWAL_MS = 30_000;

const decoder = new TextDecoder();
const scanOptions = { threads: false, processContext: false, socketContext: false };

/**
 * Makes a keeper that knows nobody yet.
 *
 * @param root where /proc is
 * @param userName gives the name of a user
 */
export function ownerKeeper(
  files: Files,
  root: string,
  userName: (uid: number) => string | undefined,
): OwnerKeeper {
  let found = new OwnerTable();
  let unowned: ReadonlySet<number> = new Set();
  let names = new Map<number, string>();
  let containers = findContainers(files, root);
  let nextMs = Number.NEGATIVE_INFINITY;
  let renewMs = Number.NEGATIVE_INFINITY;

  /** Whether a pass may find somebody. */
  function isNeeded(table: SocketTable): boolean {
    for (let slot = 0; slot < table.end; slot++) {
      const inode = table.inode[slot]!;
      if (inode !== 0 && table.process[slot] === 0 && table.isLive(slot) && !unowned.has(inode)) return true;
    }
    return false;
  }

  function inodesOf(table: SocketTable): Set<number> {
    const inodes = new Set<number>();
    for (let slot = 0; slot < table.end; slot++)
      if (table.inode[slot] !== 0 && table.isLive(slot)) inodes.add(table.inode[slot]!);
    return inodes;
  }

  async function pass(inodes: ReadonlySet<number>, breathe: Breathe): Promise<void> {
    const steps = scanInSteps(files, root, inodes, scanOptions);
    for (;;) {
      const { done, value } = steps.next();
      if (!done) {
        await breathe();
        continue;
      }
      found = value.owners;
      unowned = new Set([...inodes].filter((inode) => !found.has(inode)));
      names = new Map();
      for (const inode of found.inodes()) {
        const { pid, stat } = found.holder(found.holderOf(found.first(inode)));
        if (!names.has(pid)) names.set(pid, decoder.decode(processName(stat)));
      }
      return;
    }
  }

  const container = (pid: number) => (pid === 0 ? undefined : containers.byProcess(pid).container);
  return {
    owners: (inode) => found.get(inode),
    processOf(inode) {
      const first = found.first(inode);
      return first < 0 ? 0 : found.holder(found.holderOf(first)).pid;
    },
    get ready() {
      return renewMs !== Number.NEGATIVE_INFINITY;
    },
    async refresh(table, now, breathe) {
      const began = now();
      const renews = began >= renewMs;
      const isFirst = renewMs === Number.NEGATIVE_INFINITY;
      if (began < nextMs || !(renews || isNeeded(table))) return false;
      if (renews) containers = findContainers(files, root);
      const before = process.cpuUsage();
      await pass(inodesOf(table), breathe);
      const { user, system } = process.cpuUsage(before);
      const ended = now();
      // The pass of the start must not delay that of the first viewer.
      const restMs = isFirst ? 0 : (user + system) / 1000 / SHARE;
      nextMs = ended + Math.min(LONGEST_REST_MS, Math.max(SHORTEST_REST_MS, restMs));
      if (renews) renewMs = ended + RENEWAL_MS;
      return true;
    },
    name: (pid) => names.get(pid),
    label: (pid) => (pid === 0 ? undefined : `${names.get(pid) ?? ""} ${pid}`.trimStart()),
    container(pid) {
      const known = container(pid);
      return known && containerLabel(known);
    },
    unit: (pid) => (pid === 0 ? undefined : containers.byProcess(pid).unit),
    user: (uid) => (uid === NO_UID ? undefined : (userName(uid) ?? `${uid}`)),
  };
}
