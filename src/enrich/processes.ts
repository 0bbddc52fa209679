/** The processes that have a socket open: one pass over the descriptors of every process. proc(5). */
import { expectLongRun, keepOutOfLastTier } from "#libc";
import { U32_MAX } from "../bytes/c-numbers.ts";
import { type Files, processFile, readBounded } from "../host/host.ts";
import { isLiveProcess } from "../host/process-stat.ts";
import { type Holder, OwnerTable } from "./owner-table.ts";

export type { Owner } from "./owner-table.ts";

/** What to read about owners. */
export interface ScanOptions {
  /** Whether to read threads too: some do not share the descriptors of their process. */
  readonly threads: boolean;
  /** Whether to read the SELinux contexts of processes. */
  readonly processContext: boolean;
  /** Whether to read the SELinux contexts of sockets. */
  readonly socketContext: boolean;
}

/** The result of a pass over the processes. */
export interface ProcessScan {
  readonly owners: OwnerTable;
  /** Ids of processes whose descriptors cannot be read, for lack of privileges or because the process is gone. */
  readonly unreadable: readonly number[];
}

const NUMBER = /^\d+$/;
/** From here on it pays to compile the code that reads them. */
const MANY_PROCESSES = 250;
const nothing = new Uint8Array(0);

/** A process or thread, by its folder below /proc. */
class FoundHolder implements Holder {
  readonly pid: number;
  readonly tid: number;
  readonly #files: Files;
  readonly #folder: string;
  readonly #options: ScanOptions;
  #stat: Uint8Array | undefined;
  #context: Uint8Array | null | undefined;

  constructor(files: Files, folder: string, pid: number, tid: number, options: ScanOptions) {
    this.pid = pid;
    this.tid = tid;
    this.#files = files;
    this.#folder = folder;
    this.#options = options;
  }

  get stat(): Uint8Array {
    this.#stat ??= readOrNothing(this.#files, `${this.#folder}/stat`);
    return this.#stat;
  }

  get processContext(): Uint8Array | undefined {
    if (!this.#options.processContext) return undefined;
    if (this.#context === undefined) this.#context = processContextIn(this.#files, this.#folder) ?? null;
    return this.#context ?? undefined;
  }

  socketContext(fd: number): Uint8Array | undefined {
    if (!this.#options.socketContext) return undefined;
    return contextOf(this.#files.securityContext(`${this.#folder}/fd/${fd}`) ?? nothing);
  }
}

/**
 * Finds the owners of sockets. A process that ends meanwhile is left out.
 *
 * @param root where /proc is
 * @param inodes the sockets to find; undefined for all sockets, whose processes are then not read before they are shown
 */
export function scanProcesses(
  files: Files,
  root: string,
  inodes: ReadonlySet<number> | undefined,
  options: ScanOptions,
): ProcessScan {
  const steps = scan(files, root, inodes, options, (folder, visit) => visitSockets(files, folder, visit));
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** {@link scanProcesses} in steps of some hundred descriptors, for callers that must not block for the whole pass. */
export function scanInSteps(
  files: Files,
  root: string,
  inodes: ReadonlySet<number> | undefined,
  options: ScanOptions,
): Generator<void, ProcessScan> {
  return scan(
    files,
    root,
    inodes,
    options,
    (folder, visit) => files.socketsInSteps?.(folder, visit) ?? visitSockets(files, folder, visit),
  );
}

/** Takes a descriptor that is a socket, with its inode. */
type Visit = (fd: number, inode: number) => void;

/** @param visitFolder visits the sockets in a directory of descriptors; false if it cannot be read */
function* scan(
  files: Files,
  root: string,
  inodes: ReadonlySet<number> | undefined,
  options: ScanOptions,
  visitFolder: (folder: string, visit: Visit) => boolean | Generator<void, boolean>,
): Generator<void, ProcessScan> {
  const owners = new OwnerTable();
  const unreadable: number[] = [];

  let folder = root;
  let pid = 0;
  let tid = 0;
  /** The holder of the descriptors that are read now; -1 before the first that is wanted. */
  let holder = -1;
  const visit: Visit = (fd, inode) => {
    // The kernel's have 32 bits; those of a recording may be any.
    if (inode > U32_MAX || inodes?.has(inode) === false) return;
    if (holder < 0) {
      const found = new FoundHolder(files, folder, pid, tid, options);
      // Who keeps the owners wants the name that the process has now.
      if (inodes !== undefined) void found.stat;
      holder = owners.addHolder(found);
    }
    owners.add(holder, fd, inode);
  };
  keepOutOfLastTier(visit);

  function* scanDescriptors(of: string, ofTid: number): Generator<void, boolean> {
    folder = of;
    tid = ofTid;
    holder = -1;
    const visited = visitFolder(`${folder}/fd`, visit);
    return typeof visited === "boolean" ? visited : yield* visited;
  }

  if (inodes?.size !== 0) {
    const pids = numbersIn(files, root);
    if (pids.length > MANY_PROCESSES) expectLongRun();
    for (pid of pids) {
      const process = `${root}/${pid}`;
      yield;
      if (!(yield* scanDescriptors(process, pid))) unreadable.push(pid);
      if (!options.threads) continue;
      for (const thread of numbersIn(files, `${process}/task`))
        if (thread !== pid) yield* scanDescriptors(`${process}/task/${thread}`, thread);
    }
  }
  return { owners, unreadable };
}

/** How many of these processes exist and have descriptors. */
export function countProcesses(files: Files, root: string, pids: readonly number[]): number {
  return pids.filter((pid) => isLiveProcess(readOrNothing(files, `${root}/${pid}/stat`))).length;
}

/** Visits the sockets in a directory of descriptors (/proc/PID/fd). @returns false if it cannot be read */
export function visitSockets(files: Files, folder: string, visit: Visit): boolean {
  if (files.sockets !== undefined) return files.sockets(folder, visit);
  let names: string[];
  try {
    names = files.list(folder);
  } catch {
    return false;
  }
  for (const fd of numbersOf(names)) {
    const match = /^socket:\[(\d+)/.exec(files.link(`${folder}/${fd}`) ?? "");
    if (match !== null) visit(fd, Number(match[1]));
  }
  return true;
}

/** The numbers among names, ascending. procfs lists them so, but a copy under another root may not. */
function numbersOf(names: readonly string[]): number[] {
  return names
    .filter((name) => NUMBER.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function numbersIn(files: Files, folder: string): number[] {
  if (files.numbers !== undefined) return files.numbers(folder) ?? [];
  try {
    return numbersOf(files.list(folder));
  } catch {
    return [];
  }
}

function readOrNothing(files: Files, path: string): Uint8Array {
  try {
    return readBounded(files, path, processFile).bytes;
  } catch {
    return nothing;
  }
}

/** The SELinux context of a process or thread by its folder below /proc; undefined if it has none that can be read. */
function processContextIn(files: Files, folder: string): Uint8Array | undefined {
  return contextOf(readOrNothing(files, `${folder}/attr/current`));
}

/** The context of the kernel itself. */
const KERNEL_CONTEXT = "/sys/fs/selinux/initial_contexts/kernel";

/**
 * The SELinux context of a process, or undefined if it has none that can be read.
 *
 * @param root where /proc is
 * @param pid 0 is the kernel
 */
export function processContext(files: Files, root: string, pid: number): Uint8Array | undefined {
  if (pid === 0) return contextOf(readOrNothing(files, KERNEL_CONTEXT));
  return pid > 0 ? processContextIn(files, `${root}/${pid}`) : undefined;
}

/** A context without the NUL or newline at its end; undefined if it is empty. */
function contextOf(bytes: Uint8Array): Uint8Array | undefined {
  const end = bytes.findIndex((byte) => byte === 0 || byte === NEWLINE);
  const context = end < 0 ? bytes : bytes.subarray(0, end);
  return context.length > 0 ? context : undefined;
}

const NEWLINE = 0x0a;
const OPEN = 0x28;
const CLOSE = 0x29;

/** The name of a process as ss reads it from its stat: up to the first `)`, which cuts a name that contains one. */
export function nameForSs(stat: Uint8Array): Uint8Array {
  return between(stat, stat.indexOf(CLOSE));
}

/** The whole name of a process from its stat. */
export function processName(stat: Uint8Array): Uint8Array {
  return between(stat, stat.lastIndexOf(CLOSE));
}

function between(stat: Uint8Array, close: number): Uint8Array {
  const open = stat.indexOf(OPEN);
  return open < 0 || close < open ? nothing : stat.subarray(open + 1, close);
}
