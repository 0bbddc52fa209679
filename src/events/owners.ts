/** The owners of sockets, remembered so that the answer outlives the socket and the process. proc(5). */
import type { Owner } from "../enrich/processes.ts";
import { type Files, processFile } from "../host/host.ts";
import type { Breathe } from "../live/owners.ts";
import { ExitedThreads } from "./exited-threads.ts";

const NUMBER = /^\d+$/;
const NETNS_LINK = /^net:\[(\d+)\]$/;
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NO_STAT = new Uint8Array(0);

/** How long the facts of a thread are used again. */
const THREAD_MS = 1000;
/**
 * How long a thread that was not found counts as gone: the trace may be about to report its exit. A process that ends
 * closes all its sockets at once, which may be tens of thousands.
 */
const GONE_MS = 5;
/** Threads to remember. */
const MOST_THREADS = 10_000;
/** How many passes search for a socket before its owner counts as unreadable. */
const TRIES = 2;
/** After how many sockets of a large table signals are let in. */
const BREATH = 1024;
/** The share of the time that may go into scans of all processes. */
const SHARE = 0.25;
/** `fd` of an owner whose descriptor is unknown: the trace does not have it. */
export const NO_DESCRIPTOR = -1;
/** `pid` of an owner that is known by name only: the trace's pids are those of another PID namespace. */
export const NO_PID = 0;
/** /proc/PID/ns/pid of the initial PID namespace: PROC_PID_INIT_INO. linux/proc_ns.h. */
const INITIAL_PID_NAMESPACE = "pid:[4026531836]";

/**
 * Whether a procfs numbers processes as the kernel's trace does, which uses the initial PID namespace. From within
 * another namespace, nothing translates these numbers.
 */
export function hasInitialPids(files: Files, root: string): boolean {
  // From within another PID namespace, the procfs may still be that of the host.
  return ["self", "1"].some((pid) => files.link(`${root}/${pid}/ns/pid`) === INITIAL_PID_NAMESPACE);
}

/** A thread: its process, and where it is. */
interface ThreadFacts {
  readonly owners: readonly Owner[] | undefined;
  /** Inode of its network namespace; undefined if the thread is gone. */
  readonly netns: number | undefined;
  readonly untilMs: number;
}

/** The owners of sockets, as far as they are known. */
export class OwnerCache {
  readonly #files: Files;
  readonly #root: string;
  readonly #ownersOf: ((inode: number) => readonly Owner[] | undefined) | undefined;
  /** The threads whose exits the trace has recorded. */
  #exited: ExitedThreads | undefined;
  /** Whether the trace's thread ids mean something in procfs. */
  readonly #initialPids: boolean;
  readonly #byInode = new Map<number, readonly Owner[]>();
  readonly #tries = new Map<number, number>();
  readonly #threads = new Map<number, ThreadFacts>();
  /** Network namespaces of threads that were looked up for them alone, and how long they are used again. */
  readonly #namespaces = new Map<number, Pick<ThreadFacts, "netns" | "untilMs">>();
  #nextSweepMs = 0;

  /**
   * @param root where procfs is mounted
   * @param ownersOf finds the owners of a socket that are not remembered; undefined to search /proc for them
   */
  constructor(files: Files, root: string, ownersOf?: (inode: number) => readonly Owner[] | undefined) {
    this.#files = files;
    this.#ownersOf = ownersOf;
    this.#root = root;
    this.#initialPids = hasInitialPids(files, root);
  }

  /**
   * The store for a trace's exits of threads.
   *
   * @param mount where tracefs is mounted
   * @param share of a processor's time that looking up their processes may take
   */
  useTrace(mount: string, share?: number): ExitedThreads {
    this.#exited ??= new ExitedThreads(mount, share);
    return this.#exited;
  }

  /** The owners of the socket of an inode, if they were found. */
  owners(inode: number): readonly Owner[] | undefined {
    return this.#byInode.get(inode) ?? this.#ownersOf?.(inode);
  }

  /** A thread's process as an owner, with {@link NO_DESCRIPTOR} and perhaps {@link NO_PID}. @param ns of the trace's record */
  byThread(tid: number, ns: number): readonly Owner[] | undefined {
    return this.#thread(tid, ns).owners;
  }

  /** Inode of the network namespace of a thread; undefined if the thread is gone. @param ns of the trace's record */
  netns(tid: number, ns: number): number | undefined {
    // Most records of a host with containers are of namespaces that are not followed: nothing else is read for them.
    const alone =
      tid !== 0 && this.#initialPids && this.#exited?.exitOf(tid, ns) === undefined
        ? this.#namespaceAlone(tid)
        : undefined;
    return alone ?? this.#thread(tid, ns).netns;
  }

  #namespaceAlone(tid: number): number | undefined {
    const now = performance.now();
    const known = this.#namespaces.get(tid);
    if (known !== undefined && known.untilMs > now) return known.netns;
    if (this.#namespaces.size > MOST_THREADS) this.#namespaces.clear();
    const netns = this.#netnsOf(tid);
    this.#namespaces.set(tid, { netns, untilMs: now + (netns === undefined ? GONE_MS : THREAD_MS) });
    return netns;
  }

  /** Forgets the owners of a socket that has ended. */
  forget(inode: number): void {
    this.#byInode.delete(inode);
    this.#tries.delete(inode);
  }

  /** Searches for the owners of sockets in one pass over all processes, unless the last pass is too recent. */
  async find(inodes: Iterable<number>, breathe: Breathe): Promise<void> {
    if (this.#ownersOf !== undefined) return;
    const begun = performance.now();
    if (begun < this.#nextSweepMs) return;
    const wanted = new Set<number>();
    let looked = 0;
    for (const inode of inodes) {
      if (++looked % BREATH === 0) await breathe();
      if (inode !== 0 && !this.#byInode.has(inode) && (this.#tries.get(inode) ?? 0) < TRIES)
        wanted.add(inode);
    }
    if (wanted.size === 0) return;
    const found = new Map<number, Owner[]>();
    for (const pid of this.#processes()) {
      const folder = `${this.#root}/${pid}`;
      let stat: Uint8Array | undefined;
      const steps = this.#visit(`${folder}/fd`, (fd, inode) => {
        if (!wanted.has(inode)) return;
        stat ??= this.#read(`${folder}/stat`);
        const owner: Owner = {
          pid,
          tid: pid,
          fd,
          stat,
          processContext: undefined,
          socketContext: undefined,
        };
        const known = found.get(inode);
        if (known === undefined) found.set(inode, [owner]);
        else known.push(owner);
      });
      for (const _ of steps) await breathe();
      await breathe();
    }
    for (const inode of wanted) {
      if (++looked % BREATH === 0) await breathe();
      const owners = found.get(inode);
      if (owners === undefined) this.#tries.set(inode, (this.#tries.get(inode) ?? 0) + 1);
      else this.#byInode.set(inode, owners);
    }
    const now = performance.now();
    this.#nextSweepMs = now + (now - begun) / SHARE;
  }

  /** All processes, the youngest first: they are the most likely to end soon. */
  #processes(): number[] {
    try {
      return this.#files
        .list(this.#root)
        .filter((name) => NUMBER.test(name))
        .map(Number)
        .sort((a, b) => b - a);
    } catch {
      return [];
    }
  }

  *#visit(folder: string, visit: (fd: number, inode: number) => void): Generator<void> {
    if (this.#files.socketsInSteps !== undefined) {
      yield* this.#files.socketsInSteps(folder, visit);
      return;
    }
    try {
      for (const name of this.#files.list(folder)) {
        const match = /^socket:\[(\d+)/.exec(this.#files.link(`${folder}/${name}`) ?? "");
        if (match !== null) visit(Number(name), Number(match[1]));
      }
    } catch {
      // The process is gone, or we may not read it.
    }
  }

  #read(path: string): Uint8Array {
    try {
      return this.#files.read(path, processFile);
    } catch {
      return new Uint8Array(0);
    }
  }

  #thread(tid: number, ns: number): ThreadFacts {
    const now = performance.now();
    const known = this.#threads.get(tid);
    const exit = this.#exited?.exitOf(tid, 0);
    // After its exit, another thread may have the id.
    if (known !== undefined && known.untilMs > now && (exit === undefined || exit.ns >= ns)) return known;
    if (this.#threads.size > MOST_THREADS) this.#threads.clear();
    const found = this.#lookAt(tid, ns);
    const isWhole = found.owners !== undefined && (found.netns !== undefined || exit !== undefined);
    const facts = { ...found, untilMs: isWhole ? now + THREAD_MS : performance.now() + GONE_MS };
    this.#threads.set(tid, facts);
    return facts;
  }

  #lookAt(tid: number, ns: number): Omit<ThreadFacts, "untilMs"> {
    const nothing = { owners: undefined, netns: undefined };
    if (tid === 0) return nothing;
    const exit = this.#exited?.exitOf(tid, ns);
    if (exit === undefined && this.#initialPids) {
      const tgid = /^Tgid:\s*(\d+)/m.exec(decoder.decode(this.#read(`${this.#root}/${tid}/status`)));
      const pid = Number(tgid?.[1]);
      const stat = tgid === null ? NO_STAT : this.#read(`${this.#root}/${pid}/stat`);
      const netns = this.#netnsOf(tid) ?? this.#netnsOf(pid);
      if (stat.length > 0) return { owners: [ownerOf(pid, stat)], netns };
    }
    const gone = exit ?? this.#exited?.latestExitOf(tid, ns);
    if (gone === undefined) return nothing;
    const pid = this.#exited?.process(tid);
    if (pid === undefined) return nothing;
    const last = this.#exited?.exitOf(pid, ns) ?? gone;
    if (!this.#initialPids) return { ...nothing, owners: [ownerOf(NO_PID, named(NO_PID, last.name))] };
    // Other threads of its process may still be there.
    const stat = last.tid === pid ? NO_STAT : this.#read(`${this.#root}/${pid}/stat`);
    const owner = ownerOf(pid, stat.length > 0 ? stat : named(pid, last.name));
    return { owners: [owner], netns: stat.length > 0 ? this.#netnsOf(pid) : undefined };
  }

  #netnsOf(tid: number): number | undefined {
    const match = NETNS_LINK.exec(this.#files.link(`${this.#root}/${tid}/ns/net`) ?? "");
    return match === null ? undefined : Number(match[1]);
  }
}

/** The beginning of /proc/PID/stat. */
function named(pid: number, name: Uint8Array): Uint8Array {
  return Buffer.concat([encoder.encode(`${pid} (`), name, encoder.encode(")")]);
}

function ownerOf(pid: number, stat: Uint8Array): Owner {
  return { pid, tid: pid, fd: NO_DESCRIPTOR, stat, processContext: undefined, socketContext: undefined };
}
