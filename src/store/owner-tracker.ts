/** Who has the sockets of a recorder open: found by reading /proc, in a small part of the time. */
import { type Owner, processName, scanProcesses } from "../enrich/processes.ts";
import { userNames } from "../enrich/users.ts";
import { type Files, readBounded } from "../host/host.ts";
import { statField } from "../host/process-stat.ts";
import type { StoredOwner, StoredOwners } from "./owners.ts";
import type { ProcessFacts } from "./store.ts";

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
}

/** The part of the time that passes may take. */
const SHARE = 0.01;
/** A pass that finds nothing new is made this often: descriptors are passed between processes. */
const REFRESH_MS = 60_000;
/** Bytes that are kept of arguments and of a control group. */
const TEXT_LIMIT = 4096;

const decoder = new TextDecoder();
const scan = { threads: false, processContext: false, socketContext: false };

/** The owners of sockets. */
export class OwnerTracker {
  readonly #options: TrackerOptions;
  readonly #userName: (uid: number) => string | undefined;
  #owners: StoredOwners = new Map();
  /** Sockets that the last pass did not find, so that none looks for them again. */
  #unowned = new Set<number>();
  #nextMs = Number.NEGATIVE_INFINITY;
  #refreshMs = Number.NEGATIVE_INFINITY;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#userName = userNames(options.files);
  }

  /**
   * The owners of sockets. Those of new ones are looked for, unless the last pass was too long ago for its cost.
   *
   * @param inodes the sockets that there are
   */
  owners(inodes: ReadonlySet<number>): StoredOwners {
    const { files, root, now } = this.#options;
    const begun = now();
    let isNew = begun >= this.#refreshMs;
    for (const inode of inodes) {
      if (this.#owners.has(inode) || this.#unowned.has(inode)) continue;
      isNew = true;
      break;
    }
    if (isNew && begun >= this.#nextMs) {
      const found = scanProcesses(files, root, inodes, scan).owners;
      this.#owners = new Map(
        Array.from(found, ([inode, owners]) => [inode, owners.flatMap((owner) => this.#stored(owner) ?? [])]),
      );
      this.#unowned = new Set([...inodes].filter((inode) => !found.has(inode)));
      const ended = now();
      this.#nextMs = ended + (ended - begun) / SHARE;
      this.#refreshMs = ended + REFRESH_MS;
      return this.#owners;
    }
    const left = new Map<number, readonly StoredOwner[]>();
    for (const [inode, owners] of this.#owners) if (inodes.has(inode)) left.set(inode, owners);
    this.#owners = left;
    return left;
  }

  /** The process of an owner; undefined if nothing is known of it. */
  process({ pid, stat }: Owner): number | undefined {
    if (stat.length === 0) return undefined;
    const { processes } = this.#options;
    const bytes = processName(stat);
    const name = decoder.decode(bytes);
    const startTicks = Number(statField(stat, "startTime") ?? 0);
    return (
      processes.knownProcess(pid, startTicks, name) ??
      processes.addProcess(name, this.#facts(pid, bytes, startTicks))
    );
  }

  #stored(owner: Owner): StoredOwner | undefined {
    const process = this.process(owner);
    return process === undefined ? undefined : { process, fd: owner.fd };
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
