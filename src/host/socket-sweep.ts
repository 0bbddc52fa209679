/**
 * Looking through the descriptors of all processes on two threads at once: on a big host that is most of what owners
 * cost, and the kernel does it as fast on each of two processors.
 *
 * The threads share a table with a slot for each process. A process is whoever's claims it first: the worker goes from
 * the last to the first while the sockets are still being listed, and we from the first to the last.
 */
import { readdirSync } from "node:fs";
import { descriptorCount, socketLinks } from "./socket-links.ts";

/** Descriptors from which on a second thread pays: it takes some milliseconds to start. */
const WORTHWHILE = 10_000;
/** Room for what is opened meanwhile: a part of what there was, and some. */
const GROWTH = 1.25;
const SPARE = 1024;

/** What the slot of a process says of it. */
const slotStates = { free: 0, claimed: 1, done: 2 } as const;

/** Where the numbers of a slot stand. `count` may be one of {@link noCount}. */
const slot = { pid: 0, state: 1, start: 2, count: 3 } as const;

/** Numbers that a slot takes. */
const SLOT_SIZE = 4;

/** What stands in place of a count: the descriptors cannot be read, or there was no room for them. */
const noCount = { unreadable: -1, noRoom: -2 } as const;

/** What the worker is given as its message, for {@link sweepFromEnd}. */
export interface SharedSweep {
  /** Where /proc is. */
  readonly root: string;
  /** Slots, by process id. */
  readonly slots: Int32Array;
  /** Pairs of descriptor and inode, which slots point into. */
  readonly found: Uint32Array;
}

/** What a sweep needs of a thread. */
export type SweepWorker = Pick<Worker, "addEventListener" | "postMessage" | "unref">;

/** A sweep under way. */
export interface SocketSweep {
  /**
   * {@link socketLinks}, by way of the table: each directory is given from there once.
   *
   * @returns undefined if the table has nothing of that directory, or not any more
   */
  take(directory: string, visit: (fd: number, inode: number) => void): boolean | undefined;
}

/** The processes, and how many descriptors each has, as far as that is told. */
function descriptorCounts(root: string): [pid: number, descriptors: number][] {
  return readdirSync(root)
    .filter((name) => /^\d+$/.test(name))
    .map((name): [number, number] => [Number(name), descriptorCount(`${root}/${name}/fd`) ?? 0])
    .sort(([a], [b]) => a - b);
}

/**
 * Begins a sweep.
 *
 * @param root where /proc is
 * @param startWorker starts a thread that gives its message to {@link sweepFromEnd}
 * @param worthwhile how many descriptors are worth a second thread
 * @returns undefined where one thread is enough
 */
export function beginSweep(
  root: string,
  startWorker: () => SweepWorker,
  worthwhile = WORTHWHILE,
): SocketSweep | undefined {
  const counts = descriptorCounts(root);
  const total = counts.reduce((sum, [, descriptors]) => sum + descriptors, 0);
  if (total < worthwhile) return undefined;
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
  // If it cannot be started it claims nothing, and all is done here.
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

/** What the worker does: claims processes from the last to the first, and writes down what sockets they have. */
export function sweepFromEnd({ root, slots, found }: SharedSweep): void {
  let end = 0;
  for (let at = slots.length - SLOT_SIZE; at >= 0; at -= SLOT_SIZE) {
    const before = Atomics.compareExchange(slots, at + slot.state, slotStates.free, slotStates.claimed);
    // The other thread comes from the front: what follows is its own as well.
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
