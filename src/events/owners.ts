/** Who has, or had, sockets open: remembered, so that the answer outlives socket and process. proc(5). */
import type { Owner, Owners } from "../enrich/processes.ts";
import { type Files, processFile } from "../host/host.ts";

const NUMBER = /^\d+$/;
const NETNS_LINK = /^net:\[(\d+)\]$/;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** How long what is known of a thread holds: its id may be another's then. */
const THREAD_MS = 1000;
/** How often a socket is looked for before it counts as one whose owners may not be read. */
const TRIES = 2;
/** How long the event loop may be kept waiting. */
const SLICE_MS = 20;
/** A pass over all processes takes at most this part of the time. */
const SHARE = 0.25;
/** Descriptors that the trace does not tell. */
export const NO_DESCRIPTOR = -1;

/** What the kernel's trace remembers of threads that are gone. */
export interface GoneThreads {
  /** The name of a thread. */
  name(tid: number): string | undefined;
  /** The process that a thread was of. */
  process(tid: number): number | undefined;
}

/** A thread: whose it is, and where it lives. */
interface ThreadFacts {
  readonly owners: readonly Owner[] | undefined;
  /** Inode of its network namespace; undefined if it is gone. */
  readonly netns: number | undefined;
  readonly untilMs: number;
}

/** The owners of sockets, as they become known. */
export class OwnerCache {
  readonly #files: Files;
  readonly #root: string;
  readonly #gone: GoneThreads | undefined;
  readonly #byInode = new Map<number, readonly Owner[]>();
  readonly #tries = new Map<number, number>();
  readonly #threads = new Map<number, ThreadFacts>();
  #nextSweepMs = 0;

  /** @param root where /proc is @param gone what the trace knows, if there is one */
  constructor(files: Files, root: string, gone: GoneThreads | undefined) {
    this.#files = files;
    this.#root = root;
    this.#gone = gone;
  }

  /** Who has the socket of an inode open, as far as it was found. */
  owners(inode: number): readonly Owner[] | undefined {
    return this.#byInode.get(inode);
  }

  /** A thread's process as an owner; its descriptor is not known. */
  byThread(tid: number): readonly Owner[] | undefined {
    return this.#thread(tid).owners;
  }

  /** Inode of the network namespace of a thread; undefined if it is gone. */
  netns(tid: number): number | undefined {
    return this.#thread(tid).netns;
  }

  /** Takes owners that were found elsewhere. */
  learn(owners: Owners): void {
    for (const [inode, found] of owners) this.#byInode.set(inode, found);
  }

  /** Forgets the owners of a socket that has ended. */
  forget(inode: number): void {
    this.#byInode.delete(inode);
    this.#tries.delete(inode);
  }

  /** Looks for the owners of sockets, unless all are known, or the last such pass has just been. */
  async find(inodes: Iterable<number>): Promise<void> {
    const wanted = new Set<number>();
    for (const inode of inodes)
      if (!this.#byInode.has(inode) && (this.#tries.get(inode) ?? 0) < TRIES) wanted.add(inode);
    const begun = performance.now();
    if (wanted.size === 0 || begun < this.#nextSweepMs) return;
    const found = new Map<number, Owner[]>();
    let slice = begun;
    for (const pid of this.#processes()) {
      const folder = `${this.#root}/${pid}`;
      let stat: Uint8Array | undefined;
      this.#visit(`${folder}/fd`, (fd, inode) => {
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
      if (performance.now() - slice < SLICE_MS) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      slice = performance.now();
    }
    for (const inode of wanted) {
      const owners = found.get(inode);
      if (owners === undefined) this.#tries.set(inode, (this.#tries.get(inode) ?? 0) + 1);
      else this.#byInode.set(inode, owners);
    }
    const now = performance.now();
    this.#nextSweepMs = now + (now - begun) / SHARE;
  }

  /** All processes, the youngest first: they are the most likely to be gone soon. */
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

  #visit(folder: string, visit: (fd: number, inode: number) => void): void {
    if (this.#files.sockets !== undefined) {
      this.#files.sockets(folder, visit);
      return;
    }
    try {
      for (const name of this.#files.list(folder)) {
        const match = /^socket:\[(\d+)/.exec(this.#files.link(`${folder}/${name}`) ?? "");
        if (match !== null) visit(Number(name), Number(match[1]));
      }
    } catch {
      // It is gone, or we may not look at it.
    }
  }

  #read(path: string): Uint8Array {
    try {
      return this.#files.read(path, processFile);
    } catch {
      return new Uint8Array(0);
    }
  }

  #thread(tid: number): ThreadFacts {
    const now = performance.now();
    const known = this.#threads.get(tid);
    if (known !== undefined && known.untilMs > now) return known;
    if (this.#threads.size > 10_000) this.#threads.clear();
    const facts = this.#lookAt(tid, now + THREAD_MS);
    this.#threads.set(tid, facts);
    return facts;
  }

  #lookAt(tid: number, untilMs: number): ThreadFacts {
    if (tid === 0) return { owners: undefined, netns: undefined, untilMs };
    const status = decoder.decode(this.#read(`${this.#root}/${tid}/status`));
    const alive = /^Tgid:\s*(\d+)/m.exec(status);
    // Other threads of its process may live on.
    const pid = alive === null ? (this.#gone?.process(tid) ?? tid) : Number(alive[1]);
    const match = NETNS_LINK.exec(this.#files.link(`${this.#root}/${pid}/ns/net`) ?? "");
    const netns = match === null ? undefined : Number(match[1]);
    let stat = this.#read(`${this.#root}/${pid}/stat`);
    if (stat.length === 0) {
      const name = this.#gone?.name(tid);
      if (name === undefined) return { owners: undefined, netns, untilMs };
      stat = encoder.encode(`${pid} (${name})`);
    }
    const owner: Owner = {
      pid,
      tid: pid,
      fd: NO_DESCRIPTOR,
      stat,
      processContext: undefined,
      socketContext: undefined,
    };
    return { owners: [owner], netns, untilMs };
  }
}
