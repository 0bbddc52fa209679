/** Who has the sockets of a recorder open: found by reading /proc, in a small part of the time. */
import { type Owner, processName, visitSockets } from "../enrich/processes.ts";
import { userNames } from "../enrich/users.ts";
import { type Files, processFile, readBounded } from "../host/host.ts";
import { statField } from "../host/process-stat.ts";
import { iteratingFiles } from "../host/socket-sweep.ts";
import type { ProcessFacts } from "./facts.ts";
import type { InodeChanges } from "./image.ts";
import { OwnerColumns } from "./owner-columns.ts";
import type { SampleOwners, StoredOwner } from "./owners.ts";

/** The processes of a store: see Store. */
export interface ProcessTable {
  knownProcess(pid: number, startTicks: number, name: string): number | undefined;
  addProcess(name: string, facts: ProcessFacts): number;
}

/** What the tracker works with. */
export interface TrackerOptions {
  readonly files: Files;
  /** Where /proc is. */
  readonly root: string;
  readonly processes: ProcessTable;
  /** Whether to keep the arguments of processes. */
  readonly arguments: boolean;
  /** Milliseconds, by a clock that never goes back. */
  readonly now: () => number;
  /** Processor time of this process, in milliseconds. */
  readonly processorMs: () => number;
}

/** The part of a processor's time that reading the descriptors of all processes may take. */
const SHARE = 0.0025;
/** A pass that finds nothing new is made this often: descriptors are passed between processes. */
const REFRESH_MS = 120_000;
/** Bytes that are kept of arguments and of a control group. */
const TEXT_LIMIT = 4096;
/** Descriptors that are read between two passes, in a sample and without success in a process. */
const PROBES = 400;
const MISSES = 8;
/** The descriptor after which programs open sockets. */
const STANDARD_ERROR = 2;

const NUMBER = /^\d+$/;
const SOCKET_LINK = /^socket:\[(\d+)\]$/;
const decoder = new TextDecoder();

/** A process with sockets. */
interface Holder {
  readonly pid: number;
  /** Its /proc/PID/stat when it was read last. */
  readonly stat: Uint8Array;
  /** The highest descriptor of a socket. */
  highest: number;
  /** Descriptors whose sockets are gone: new ones take the lowest that are free. */
  readonly free: number[];
}

/** The owners of sockets, from sample to sample. */
export class OwnerTracker {
  readonly #options: TrackerOptions;
  readonly #userName: (uid: number) => string | undefined;
  #owners = new OwnerColumns();
  /** Sockets that no pass has looked for yet, and sockets that the last pass did not find. */
  #wanted = new Set<number>();
  #unowned = new Set<number>();
  /** The wanted ones of the last sample: most sockets that live for a moment are in one sample only. */
  #waiting = new Set<number>();
  /** Sockets that the last sample no longer had: events about their ends may still come. */
  #gone = new Set<number>();
  #changed = new Set<number>();
  #holders = new Map<number, Holder>();
  readonly #byStat = new WeakMap<Uint8Array, number>();
  #nextMs = Number.NEGATIVE_INFINITY;
  #refreshMs = Number.NEGATIVE_INFINITY;
  /** Whether the descriptors of all processes are read; without, only new sockets of known processes are found. */
  sweeps = true;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#userName = userNames(options.files);
  }

  /**
   * Takes the sockets that came and went, and looks for the owners of the new ones: in the processes that are likely
   * to have them, and in all processes unless the last pass was too short a time ago for its cost.
   *
   * @param likely processes that have opened sockets lately
   */
  update({ appeared, vanished }: InodeChanges, likely: Iterable<Owner>): SampleOwners {
    for (const inode of this.#gone) this.#forget(inode);
    this.#gone = new Set(vanished);
    for (const inode of appeared) {
      this.#gone.delete(inode);
      if (inode !== 0 && !this.#owners.has(inode) && !this.#unowned.has(inode)) this.#wanted.add(inode);
    }
    this.#freeDescriptors();
    if (this.#wanted.size > 0) this.#probe(likely);
    const { now, processorMs } = this.#options;
    const begun = now();
    const isWanted = [...this.#waiting].some((inode) => this.#wanted.has(inode));
    const isDue = isWanted || begun >= this.#refreshMs;
    if (this.sweeps && isDue && begun >= this.#nextMs) {
      const spent = processorMs();
      this.#sweep();
      const ended = now();
      this.#nextMs = ended + (processorMs() - spent) / SHARE;
      this.#refreshMs = ended + REFRESH_MS;
    }
    this.#waiting = new Set(this.#wanted);
    const changed = this.#changed;
    this.#changed = new Set();
    return { all: this.#owners, changed };
  }

  /** The owners of a socket as events have them, by its inode; undefined if they were not found. */
  ownersOf(inode: number): readonly Owner[] | undefined {
    const owners = this.#owners.get(inode);
    if (owners === undefined || owners.length === 0) return undefined;
    return owners.flatMap(({ process, fd }) => {
      const holder = this.#holders.get(process);
      if (holder === undefined) return [];
      const { pid, stat } = holder;
      return [{ pid, tid: pid, fd, stat, processContext: undefined, socketContext: undefined }];
    });
  }

  /** The process of an owner; undefined if nothing is known of it. */
  process({ pid, stat }: Pick<Owner, "pid" | "stat">): number | undefined {
    if (stat.length === 0) return undefined;
    const cached = this.#byStat.get(stat);
    if (cached !== undefined) return cached;
    const { processes } = this.#options;
    const bytes = processName(stat);
    const name = decoder.decode(bytes);
    const startTicks = Number(statField(stat, "startTime") ?? 0);
    const id =
      processes.knownProcess(pid, startTicks, name) ??
      processes.addProcess(name, this.#facts(pid, bytes, startTicks));
    this.#byStat.set(stat, id);
    return id;
  }

  #forget(inode: number): void {
    this.#wanted.delete(inode);
    this.#unowned.delete(inode);
    if (this.#owners.delete(inode)) this.#changed.add(inode);
  }

  #set(inode: number, owners: readonly StoredOwner[]): void {
    if (this.#owners.set(inode, owners)) this.#changed.add(inode);
  }

  #freeDescriptors(): void {
    for (const inode of this.#gone)
      for (const { process, fd } of this.#owners.get(inode) ?? [])
        if (fd >= 0) this.#holders.get(process)?.free.push(fd);
  }

  /** Looks for new sockets where the processes that are likely to have them would open them. */
  #probe(likely: Iterable<Owner>): void {
    const { root } = this.#options;
    let left = PROBES;
    const holders = new Set<Holder>();
    for (const owner of likely) {
      const process = this.process(owner);
      if (process === undefined) continue;
      let holder = this.#holders.get(process);
      if (holder === undefined) {
        holder = { pid: owner.pid, stat: owner.stat, highest: STANDARD_ERROR, free: [] };
        this.#holders.set(process, holder);
      }
      holders.add(holder);
    }
    for (const holder of this.#holders.values()) if (holder.free.length > 0) holders.add(holder);
    for (const holder of holders) {
      if (left <= 0 || this.#wanted.size === 0) return;
      holder.free.sort((a, b) => b - a);
      if (holder.free.length > PROBES) holder.free.splice(0, holder.free.length - PROBES);
      let process: number | undefined;
      const unused: number[] = [];
      let misses = 0;
      while (left > 0 && misses < MISSES && this.#wanted.size > 0) {
        const fd = holder.free.pop() ?? ++holder.highest;
        left--;
        const inode = this.#inodeOf(holder.pid, fd);
        if (inode === undefined) unused.push(fd);
        misses = inode === undefined ? misses + 1 : 0;
        if (inode === undefined || !this.#wanted.delete(inode)) continue;
        // Another process may have the number by now.
        process ??= this.process({ pid: holder.pid, stat: this.#read(`${root}/${holder.pid}/stat`) });
        if (process !== undefined) this.#set(inode, [{ process, fd }]);
      }
      while (holder.highest === unused.at(-1)) {
        unused.pop();
        holder.highest--;
      }
      for (const fd of unused) holder.free.push(fd);
    }
  }

  /** Inode of the socket of a descriptor: 0 if it is something else, undefined if it is not open. */
  #inodeOf(pid: number, fd: number): number | undefined {
    const { files, root } = this.#options;
    const link = files.link(`${root}/${pid}/fd/${fd}`);
    return link === undefined ? undefined : Number(SOCKET_LINK.exec(link)?.[1] ?? 0);
  }

  /** Reads the descriptors of all processes. */
  #sweep(): void {
    const { root } = this.#options;
    const files = iteratingFiles(this.#options.files, root);
    const found = new OwnerColumns();
    const holders = new Map<number, Holder>();
    for (const name of this.#processes()) {
      const pid = Number(name);
      const folder = `${root}/${pid}`;
      let holder: Holder | undefined;
      let process: number | undefined;
      visitSockets(files, `${folder}/fd`, (fd, inode) => {
        if (!this.#owners.has(inode) && !this.#wanted.has(inode) && !this.#unowned.has(inode)) return;
        if (holder === undefined) {
          holder = { pid, stat: this.#read(`${folder}/stat`), highest: fd, free: [] };
          process = this.process(holder);
          if (process !== undefined) holders.set(process, holder);
        }
        if (process === undefined) return;
        holder.highest = Math.max(holder.highest, fd);
        // The owner that was found last comes first, as in ss.
        found.addFirst(inode, process, fd);
      });
    }
    const before = this.#owners;
    for (const inode of this.#wanted) if (!found.has(inode)) this.#unowned.add(inode);
    this.#wanted.clear();
    for (const inode of found.keys()) {
      this.#unowned.delete(inode);
      if (!found.isSame(inode, before)) this.#changed.add(inode);
    }
    for (const inode of before.keys()) {
      if (found.has(inode)) continue;
      if (this.#gone.has(inode)) {
        found.set(inode, before.get(inode)!);
        continue;
      }
      this.#changed.add(inode);
      this.#unowned.add(inode);
    }
    this.#owners = found;
    // Processes of sockets that are gone: their ends may still be to come.
    for (const inode of this.#gone)
      for (const { process } of this.#owners.get(inode) ?? []) {
        const holder = this.#holders.get(process);
        if (holder !== undefined && !holders.has(process)) holders.set(process, holder);
      }
    this.#holders = holders;
  }

  #processes(): string[] {
    const { files, root } = this.#options;
    try {
      return files.list(root).filter((name) => NUMBER.test(name));
    } catch {
      return [];
    }
  }

  #read(path: string): Uint8Array {
    try {
      return readBounded(this.#options.files, path, processFile).bytes;
    } catch {
      return new Uint8Array(0);
    }
  }

  #facts(pid: number, name: Uint8Array, startTicks: number): ProcessFacts {
    const { files, root } = this.#options;
    const folder = `${root}/${pid}`;
    const read = (file: string): Uint8Array | undefined => {
      try {
        return readBounded(files, `${folder}/${file}`, { limit: TEXT_LIMIT }).bytes.slice();
      } catch {
        return undefined;
      }
    };
    const text = (file: string) => {
      const bytes = read(file);
      return bytes && decoder.decode(bytes);
    };
    const uid = /^Uid:\s*\d+\s+(\d+)/m.exec(text("status") ?? "")?.[1];
    return {
      pid,
      startTicks,
      name: name.slice(),
      uid: uid === undefined ? undefined : Number(uid),
      user: uid === undefined ? undefined : this.#userName(Number(uid)),
      exe: files.link(`${folder}/exe`),
      arguments: this.#options.arguments ? read("cmdline") : undefined,
      cgroup: text("cgroup"),
    };
  }
}
