/** Finds the network namespaces of the host and enters them. namespaces(7), ip-netns(8). */
import { builtin, libc } from "#libc";
import { NetlinkError } from "../netlink/errors.ts";
import type { Files, Host } from "./host.ts";
import { netnsMounts } from "./mounts.ts";
import { CLONE_NEWNET, NETNS_NAMES } from "./netns.ts";
import { isLiveProcess } from "./process-stat.ts";

/** A network namespace. */
export interface Netns {
  /** Its inode in nsfs, which is unique on the host. */
  readonly inode: number;
  /** Its name in `ip netns`. */
  readonly name: string | undefined;
  /** The lowest id of a process in it. */
  readonly pid: number | undefined;
}

/** A network namespace with the files that lead to it. Any of them can be opened. */
interface FoundNetns extends Netns {
  readonly paths: readonly string[];
}

/** The result of {@link findNamespaces}. */
export interface FoundNamespaces {
  /** Namespaces of processes by lowest process id, then named ones, then ones that are only mounted. */
  readonly namespaces: readonly FoundNetns[];
  /** Names of `ip netns` without a namespace. */
  readonly stale: readonly string[];
  /** How many processes have a namespace that we may not read. */
  readonly unreadable: number;
}

/** The label of a namespace: its name, else `pid:N`, else `inode:N`. */
export function netnsLabel({ name, pid, inode }: Netns): string {
  return name ?? (pid === undefined ? `inode:${inode}` : `pid:${pid}`);
}

const OWN = "/proc/thread-self/ns/net";
const ENOENT = 2;
const NUMBER = /^\d+$/;
const decoder = new TextDecoder();

/** A namespace while it is being collected. */
interface Draft {
  pid?: number;
  name?: string;
  readonly paths: string[];
}

/** The inode in the target of a link in /proc/PID/ns, or undefined if the link cannot be read. */
function linkedInode(files: Files, path: string): number | undefined {
  const match = /^net:\[(\d+)\]$/.exec(files.link(path) ?? "");
  return match === null ? undefined : Number(match[1]);
}

/** Whether we lack the privileges to read a link in /proc/PID/ns. An exiting process has no namespace any more. */
function isForbidden(files: Files, path: string): boolean {
  try {
    files.read(path, { limit: 0 });
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EACCES" || code === "EPERM";
  }
}

function listOptional(files: Files, folder: string): string[] {
  try {
    return files.list(folder);
  } catch {
    return [];
  }
}

function readOptional(files: Files, path: string): Uint8Array {
  try {
    return files.read(path);
  } catch {
    return new Uint8Array(0);
  }
}

/** Finds the network namespaces of processes, named ones, and mounted ones. Each is listed once. */
export function findNamespaces(files: Files): FoundNamespaces {
  const { basename, dirname, join } = builtin("node:path");
  const found = new Map<number, Draft>();
  const at = (inode: number): Draft => {
    let draft = found.get(inode);
    if (draft === undefined) {
      draft = { paths: [] };
      found.set(inode, draft);
    }
    return draft;
  };

  let unreadable = 0;
  const pids = listOptional(files, "/proc").filter((name) => NUMBER.test(name));
  for (const pid of pids.map(Number).sort((a, b) => a - b)) {
    const path = `/proc/${pid}/ns/net`;
    const inode = linkedInode(files, path);
    if (inode !== undefined) {
      const draft = at(inode);
      draft.pid ??= pid;
      draft.paths.push(path);
    } else if (isForbidden(files, path) && isLiveProcess(readOptional(files, `/proc/${pid}/stat`)))
      unreadable++;
  }

  const mounts = netnsMounts(decoder.decode(readOptional(files, "/proc/self/mountinfo")));
  // /var/run is usually a link to /run, and mountinfo has real paths.
  const nameFolders = [NETNS_NAMES, NETNS_NAMES.replace(/^\/var/, "")];
  const named = new Map(
    mounts
      .filter(({ path }) => nameFolders.includes(dirname(path)))
      .map(({ path, inode }) => [basename(path), inode]),
  );
  const stale: string[] = [];
  for (const name of listOptional(files, NETNS_NAMES).sort()) {
    const path = join(NETNS_NAMES, name);
    // A name can also be a link to the namespace of a process. People make such links for containers.
    const inode = named.get(name) ?? linkedInode(files, files.link(path) ?? "");
    if (inode === undefined) stale.push(name);
    else {
      const draft = at(inode);
      draft.name ??= name;
      draft.paths.push(path);
    }
  }
  for (const { inode, path } of mounts) at(inode).paths.push(path);

  const namespaces = Array.from(found, ([inode, { name, pid, paths }]) => ({ inode, name, pid, paths }));
  return { namespaces, stale, unreadable };
}

/** A network namespace that can be entered. */
export interface OpenNetns {
  readonly netns: Netns;
  /** The host seen from inside: the sockets and interfaces there, its /proc/net and /proc/sys/net. */
  readonly host: Host;
  /** Runs a function there; undefined for our own. */
  readonly within?: <T>(action: () => T) => T;
}

/** Network namespaces that came and went. */
export interface NamespaceChanges {
  readonly added: readonly OpenNetns[];
  readonly removed: readonly OpenNetns[];
}

/** Network namespaces that can be entered until this is disposed of. */
export interface OpenNamespaces extends Disposable {
  /** All of them, our own first. {@link refresh} changes the list. */
  readonly list: readonly OpenNetns[];
  /**
   * Opens the namespaces that were made since, and closes the namespaces that nothing else refers to any more: a descriptor of
   * ours, or a netlink socket, would keep them alive.
   */
  refresh(): NamespaceChanges;
}

/** The paths whose content depends on the network namespace of the reader. */
const NAMESPACED = /^\/proc\/(sys\/)?net(\/|$)/;

/** The host seen from inside a namespace. @param within runs a function there */
export function hostWithin(host: Host, within: <T>(action: () => T) => T): Host {
  const { transport, files, interfaceName } = host;
  return {
    ...host,
    transport: { ...transport, open: (protocol, groups) => within(() => transport.open(protocol, groups)) },
    ...(interfaceName && { interfaceName: (index: number) => within(() => interfaceName(index)) }),
    files: {
      ...files,
      read: (path, bound) =>
        NAMESPACED.test(path) ? within(() => files.read(path, bound)) : files.read(path, bound),
    },
  };
}

/** Opens a namespace through the first of its files that still leads to it. @throws the error of the last file */
function openFile({ inode, paths }: FoundNetns): number {
  const { closeSync, fstatSync, openSync } = builtin("node:fs");
  let problem: unknown;
  for (const path of paths) {
    try {
      const fd = openSync(path, "r");
      // The process may have ended, and its id may have been reused.
      if (fstatSync(fd).ino === inode) return fd;
      closeSync(fd);
    } catch (error) {
      problem = error;
    }
  }
  throw problem ?? Object.assign(new Error(paths[0]), { code: "ENOENT" });
}

function enter(fd: number): void {
  const result = libc.setns(fd, CLONE_NEWNET);
  if (result < 0) throw new NetlinkError("setns", -result);
}

/** Makes a function that runs others in namespace `fd` and then returns to `home`. Both are descriptors. */
function visitor(fd: number, home: number): <T>(action: () => T) => T {
  return (action) => {
    enter(fd);
    try {
      return action();
    } finally {
      enter(home);
    }
  };
}

/** One network namespace, open until it is closed. */
export interface OpenNamespace {
  /** Runs a function there. The calling thread is in its own namespace again afterwards. */
  within<T>(action: () => T): T;
  close(): void;
}

/**
 * Opens one network namespace of this host.
 *
 * @returns undefined if the namespace does not exist (any more)
 * @throws an error with a system error `code` if it cannot be opened, NetlinkError if it cannot be entered
 */
export function openNamespace(files: Files, inode: number): OpenNamespace | undefined {
  if (linkedInode(files, OWN) === inode) return { within: (action) => action(), close: () => undefined };
  const found = findNamespaces(files).namespaces.find((each) => each.inode === inode);
  if (found === undefined) return undefined;
  const { closeSync, openSync } = builtin("node:fs");
  const descriptors = [openFile(found), openSync(OWN, "r")] as const;
  return {
    within: visitor(...descriptors),
    close() {
      for (const fd of descriptors) closeSync(fd);
    },
  };
}

/** Descriptors reserved for everything else: netlink sockets, /proc, the terminal. */
const RESERVED_DESCRIPTORS = 64;
/** Most problems reported of single namespaces. The rest are counted in one more. */
const SINGLE_PROBLEMS = 10;

/** A problem with the network namespaces of a host. The sockets of the others are listed. */
export type NamespaceProblem =
  /** A namespace cannot be entered, so its sockets are left out. */
  | {
      readonly what: "entry";
      /** Which. */
      readonly netns: Netns;
      /** Why: a NetlinkError, or an error with a system error `code`. */
      readonly cause: unknown;
    }
  /** More of them, after the first ten. */
  | {
      readonly what: "entries";
      /** How many. */
      readonly count: number;
      /** Why the last of them cannot be entered. */
      readonly cause: unknown;
    }
  /** A file below /run/netns leads to no namespace. */
  | {
      readonly what: "stale";
      /** Its name. */
      readonly name: string;
    }
  /** The namespaces of some processes cannot be read. Those without another process or name are left out. */
  | {
      readonly what: "processes";
      /** How many processes. */
      readonly count: number;
    };

/** How many descriptors this process may have open: RLIMIT_NOFILE; 0 if that is unknown. */
export function descriptorLimit(files: Files): number {
  const limits = decoder.decode(readOptional(files, "/proc/self/limits"));
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
}

/** How many namespaces may be held open, from the process's limit of open files. */
function descriptorBudget(files: Files): number {
  return Math.max(0, Math.floor(descriptorLimit(files) / 2) - RESERVED_DESCRIPTORS);
}

/**
 * Like {@link visitor}, but opens the namespace for each call, and holds no descriptor.
 *
 * @param found gives the files that lead to it now
 * @throws NetlinkError from the returned function, if the namespace is gone
 */
function brieflyVisiting(found: () => FoundNetns, home: number): <T>(action: () => T) => T {
  return (action) => {
    let fd: number;
    try {
      fd = openFile(found());
    } catch (error) {
      throw new NetlinkError("setns", Math.abs((error as NodeJS.ErrnoException).errno ?? ENOENT));
    }
    try {
      return visitor(fd, home)(action);
    } finally {
      builtin("node:fs").closeSync(fd);
    }
  };
}

/** Puts our own namespace first, and adds it if /proc did not show it. */
function ownFirst(namespaces: readonly FoundNetns[], own: number | undefined): readonly FoundNetns[] {
  if (own === undefined) return namespaces;
  const found = namespaces.find(({ inode }) => inode === own);
  const first = found ?? { inode: own, name: undefined, pid: undefined, paths: [] };
  return [first, ...namespaces.filter(({ inode }) => inode !== own)];
}

/** Searches without a namespace before it is closed: a process may have moved while /proc was read. */
const ABSENCES = 2;

/** An open namespace. */
interface Held {
  readonly open: OpenNetns;
  /** The files that led to it at the last search. */
  found: FoundNetns;
  /** Undefined if it is opened for each call. */
  readonly fd: number | undefined;
  /** Searches in a row that have not found it. */
  absences: number;
}

/**
 * Opens every network namespace of this host, our own first. The calling thread is in its own
 * namespace again after each call; a netlink socket stays in the namespace where it was opened.
 *
 * An unprivileged user can make more namespaces than we may have descriptors. Those beyond half of the limit are
 * opened again for each call.
 *
 * @param host this host, seen from our own namespace
 * @param report takes each problem
 */
export function openNamespaces(host: Host, report: (problem: NamespaceProblem) => void): OpenNamespaces {
  const { closeSync, openSync } = builtin("node:fs");
  const own = linkedInode(host.files, OWN);
  const home = openSync(OWN, "r");
  const budget = descriptorBudget(host.files);
  const held = new Map<number, Held>();
  let list: OpenNetns[] = [];
  let descriptors = 1;
  /** Namespaces that could not be entered. */
  let refused = new Set<number>();

  /** @throws an error with a system error `code`, or NetlinkError */
  function open(found: FoundNetns): Held {
    const { paths: _, ...netns } = found;
    if (found.inode === own) return { open: { netns, host }, found, fd: undefined, absences: 0 };
    const fd = openFile(found);
    const isHeld = descriptors < budget;
    try {
      visitor(fd, home)(() => undefined);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    if (!isHeld) closeSync(fd);
    else descriptors++;
    const within = isHeld
      ? visitor(fd, home)
      : brieflyVisiting(() => held.get(found.inode)?.found ?? found, home);
    const opened = { netns, host: hostWithin(host, within), within };
    return { open: opened, found, fd: isHeld ? fd : undefined, absences: 0 };
  }

  /** Opens namespaces that are not open yet. */
  function openNew(namespaces: readonly FoundNetns[]): OpenNetns[] {
    const added: OpenNetns[] = [];
    let failures = 0;
    let lastCause: unknown;
    for (const found of namespaces) {
      const known = held.get(found.inode);
      if (known !== undefined) {
        known.found = found;
        continue;
      }
      try {
        const opened = open(found);
        held.set(found.inode, opened);
        added.push(opened.open);
      } catch (error) {
        // A namespace that has gone has no sockets to list.
        if ((error as NodeJS.ErrnoException).code === "ENOENT" || refused.has(found.inode)) continue;
        refused.add(found.inode);
        lastCause = error;
        const { paths: _, ...netns } = found;
        if (++failures <= SINGLE_PROBLEMS) report({ what: "entry", netns, cause: error });
      }
    }
    if (failures > SINGLE_PROBLEMS)
      report({ what: "entries", count: failures - SINGLE_PROBLEMS, cause: lastCause });
    return added;
  }

  /** Closes the namespaces that were not found for some time. */
  function closeGone(present: ReadonlySet<number>): OpenNetns[] {
    const removed: OpenNetns[] = [];
    for (const [inode, each] of held) {
      each.absences = present.has(inode) ? 0 : each.absences + 1;
      if (inode === own || each.absences < ABSENCES) continue;
      held.delete(inode);
      removed.push(each.open);
      if (each.fd === undefined) continue;
      closeSync(each.fd);
      descriptors--;
    }
    return removed;
  }

  const { namespaces, stale, unreadable } = findNamespaces(host.files);
  list = openNew(ownFirst(namespaces, own));
  for (const name of stale) report({ what: "stale", name });
  if (unreadable > 0) report({ what: "processes", count: unreadable });
  return {
    get list() {
      return list;
    },
    refresh() {
      const present = findNamespaces(host.files).namespaces;
      const inodes = new Set(present.map(({ inode }) => inode));
      refused = new Set([...refused].filter((inode) => inodes.has(inode)));
      const removed = closeGone(inodes);
      const added = openNew(present);
      if (removed.length > 0 || added.length > 0) list = Array.from(held.values(), ({ open }) => open);
      return { added, removed };
    },
    [Symbol.dispose]() {
      for (const { fd } of held.values()) if (fd !== undefined) closeSync(fd);
      closeSync(home);
    },
  };
}
