/**
 * Finds the sockets of all processes on a host with many descriptors, which is most of the cost of finding owners: by a
 * BPF iterator, or else by reading the descriptors on two threads, since the kernel does that in parallel.
 *
 * The threads share a table with one slot per process. Whichever thread claims a process first reads it: the worker
 * goes from the last process to the first while sockets are still being listed, the main thread from the first to the
 * last.
 */
import { keepOutOfLastTier } from "#libc";
import type { Files, SweepWorker } from "./host.ts";
import { found as entry, iterateSockets } from "./socket-iterator.ts";
import { descriptorCount, numbersIn, socketLinks } from "./socket-links.ts";

/** From this many descriptors on, an iterator or a second thread is worth the ten milliseconds that it takes to start. */
const WORTHWHILE = 10_000;
/** Room for descriptors that are opened meanwhile: a factor and a constant. */
const GROWTH = 1.25;
const SPARE = 1024;

/** States of a slot. */
const slotStates = { free: 0, claimed: 1, done: 2 } as const;

/** Offsets of the numbers in a slot. `count` may be one of {@link noCount}. */
const slot = { pid: 0, state: 1, start: 2, count: 3 } as const;

/** How many numbers a slot has. */
const SLOT_SIZE = 4;

/** Values instead of a count: the descriptors cannot be read, or the table is full. */
const noCount = { unreadable: -1, noRoom: -2 } as const;

/** The message to the worker, for {@link sweepFromEnd}. */
export interface SharedSweep {
  /** Where /proc is. */
  readonly root: string;
  /** Slots, by process id. */
  readonly slots: Int32Array;
  /** Pairs of descriptor and inode. Slots refer to ranges of it. */
  readonly found: Uint32Array;
}

/** A sweep in progress. */
export interface SocketSweep {
  /**
   * Like {@link socketLinks}, from the table. Each directory is returned once.
   *
   * @returns undefined if the table does not have the directory (any more)
   */
  take(directory: string, visit: (fd: number, inode: number) => void): boolean | undefined;
}

/** The processes with their number of descriptors, 0 if the kernel does not report it. */
function descriptorCounts(root: string): [pid: number, descriptors: number][] {
  const counts: [pid: number, descriptors: number][] = [];
  for (const pid of numbersIn(root) ?? []) counts.push([pid, descriptorCount(`${root}/${pid}/fd`) ?? 0]);
  return counts;
}

/** How a sweep is made. */
export interface SweepOptions {
  /** How many descriptors are worth it. */
  readonly worthwhile?: number;
  /** Lists all sockets at once, see {@link iterateSockets}. */
  readonly iterate?: typeof iterateSockets;
}

/**
 * Starts a sweep.
 *
 * @param root where /proc is
 * @param startWorker starts a thread that passes its message to {@link sweepFromEnd}
 * @returns undefined if one thread is enough
 */
export function beginSweep(
  root: string,
  startWorker: () => SweepWorker,
  { worthwhile = WORTHWHILE, iterate = iterateSockets }: SweepOptions = {},
): SocketSweep | undefined {
  const counts = descriptorCounts(root);
  let total = 0;
  for (const [, descriptors] of counts) total += descriptors;
  if (total < worthwhile) return undefined;
  const entries = iterate(root, total);
  return entries === undefined
    ? onTwoThreads(root, counts, total, startWorker)
    : fromEntries(root, counts, entries);
}

/**
 * Files for one pass over the sockets of all processes: if there are many descriptors, a sweep finds them.
 *
 * @param root where /proc is
 */
export function sweepingFiles(files: Files, root: string): Files {
  const { startSweep, sockets } = files;
  const sweep = startSweep && sockets && beginSweep(root, startSweep);
  if (sweep === undefined) return files;
  return {
    ...files,
    sockets: (directory, visit) => sweep.take(directory, visit) ?? sockets!(directory, visit),
  };
}

/**
 * Files for one pass over the sockets of all processes in the background: by a BPF iterator, which takes a seventh of the
 * processor time. Without one they are read as ever, as a second thread would take more of it.
 *
 * @param root where /proc is
 */
export function iteratingFiles(files: Files, root: string, iterate = iterateSockets): Files {
  const { sockets } = files;
  if (files.startSweep === undefined || sockets === undefined) return files;
  const counts = descriptorCounts(root);
  const total = counts.reduce((sum, [, descriptors]) => sum + descriptors, 0);
  const entries = total < WORTHWHILE ? undefined : iterate(root, total);
  if (entries === undefined) return files;
  const sweep = fromEntries(root, counts, entries);
  return {
    ...files,
    sockets: (directory, visit) => sweep.take(directory, visit) ?? sockets(directory, visit),
  };
}

/** A sweep whose sockets are all known. The processes that were counted before have no others. */
function fromEntries(
  root: string,
  counts: readonly (readonly [pid: number, descriptors: number])[],
  entries: Uint32Array,
): SocketSweep {
  const starts = new Map<number, number>();
  for (let at = 0, last = 0; at < entries.length; at += entry.size) {
    const pid = entries[at + entry.pid]!;
    if (pid !== last) starts.set(pid, at);
    last = pid;
  }
  const places = new Map(counts.map(([pid]) => [`${root}/${pid}/fd`, pid]));
  const take: SocketSweep["take"] = (directory, visit) => {
    const pid = places.get(directory);
    if (pid === undefined) return undefined;
    places.delete(directory);
    for (let at = starts.get(pid) ?? entries.length; entries[at + entry.pid] === pid; at += entry.size)
      visit(entries[at + entry.fd]!, entries[at + entry.inode]!);
    return true;
  };
  keepOutOfLastTier(take);
  return { take };
}

function onTwoThreads(
  root: string,
  counts: readonly (readonly [pid: number, descriptors: number])[],
  total: number,
  startWorker: () => SweepWorker,
): SocketSweep {
  const ints = counts.length * SLOT_SIZE;
  const shared: SharedSweep = {
    root,
    slots: new Int32Array(new SharedArrayBuffer(ints * Int32Array.BYTES_PER_ELEMENT)),
    found: new Uint32Array(new SharedArrayBuffer(8 * Math.ceil(total * GROWTH + SPARE))),
  };
  const { slots, found } = shared;
  const places = new Map<string, number>();
  counts.forEach(([pid], index) => {
    const at = index * SLOT_SIZE;
    slots[at + slot.pid] = pid;
    places.set(`${root}/${pid}/fd`, at);
  });
  const worker = startWorker();
  // A worker that fails to start claims nothing, and this thread does everything.
  worker.addEventListener("error", (event) => event.preventDefault());
  worker.postMessage(shared);
  worker.unref();
  return {
    take(directory, visit) {
      const at = places.get(directory);
      if (at === undefined) return undefined;
      places.delete(directory);
      const before = Atomics.compareExchange(slots, at + slot.state, slotStates.free, slotStates.claimed);
      if (before === slotStates.free) return socketLinks(directory, visit);
      Atomics.wait(slots, at + slot.state, slotStates.claimed);
      const count = slots[at + slot.count]!;
      if (count === noCount.noRoom) return undefined;
      if (count === noCount.unreadable) return false;
      const start = slots[at + slot.start]!;
      for (let pair = start; pair < start + count * 2; pair += 2) visit(found[pair]!, found[pair + 1]!);
      return true;
    },
  };
}

/** The worker's part: claims processes from the last to the first, and stores their sockets. */
export function sweepFromEnd({ root, slots, found }: SharedSweep): void {
  let end = 0;
  for (let at = slots.length - SLOT_SIZE; at >= 0; at -= SLOT_SIZE) {
    const before = Atomics.compareExchange(slots, at + slot.state, slotStates.free, slotStates.claimed);
    // The other thread comes from the front, so it has claimed all the rest.
    if (before !== slotStates.free) return;
    const start = end;
    const readable = socketLinks(`${root}/${slots[at + slot.pid]}/fd`, (fd, inode) => {
      found[end] = fd;
      found[end + 1] = inode;
      end += 2;
    });
    const full = end > found.length;
    slots[at + slot.start] = start;
    slots[at + slot.count] = full ? noCount.noRoom : readable ? (end - start) / 2 : noCount.unreadable;
    Atomics.store(slots, at + slot.state, slotStates.done);
    Atomics.notify(slots, at + slot.state);
    if (full) return;
  }
}
