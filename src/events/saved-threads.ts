/** The names and processes of threads that are gone, as the kernel's trace remembers them. */
import { traceText } from "../host/tracefs.ts";

/** The part of the time that reading one of the tables may take: saved_tgids costs a pass over all possible pids. */
const SHARE = 0.2;

/** One table of tracefs: lines `TID VALUE`, read again when it is older than the records that ask for it. */
class SavedTable {
  readonly #read: () => string | undefined;
  #values: ReadonlyMap<number, string> = new Map();
  #stale = true;
  #nextMs = 0;

  constructor(read: () => string | undefined) {
    this.#read = read;
  }

  expire(): void {
    this.#stale = true;
  }

  get(tid: number): string | undefined {
    const begun = performance.now();
    if (this.#stale && begun >= this.#nextMs) {
      this.#values = savedIn(this.#read());
      this.#stale = false;
      const now = performance.now();
      this.#nextMs = now + (now - begun) * (1 / SHARE - 1);
    }
    return this.#values.get(tid);
  }
}

/** Threads that are gone, by their id in the initial PID namespace. */
export class SavedThreads {
  readonly #names: SavedTable;
  readonly #processes: SavedTable;

  /** @param mount where tracefs is mounted */
  constructor(mount: string) {
    this.#names = new SavedTable(() => traceText(mount, "saved_cmdlines"));
    this.#processes = new SavedTable(() => traceText(mount, "saved_tgids"));
  }

  /** The name of a thread. */
  name(tid: number): string | undefined {
    return this.#names.get(tid);
  }

  /** The process of a thread. */
  process(tid: number): number | undefined {
    const pid = this.#processes.get(tid);
    return pid === undefined ? undefined : Number(pid);
  }

  /** Records were read: what was read before may not know their threads. */
  expire(): void {
    this.#names.expire();
    this.#processes.expire();
  }
}

/**
 * Parses lines `TID VALUE`. A name may have a newline in it, and look like a line of another thread: of a thread with
 * two lines nothing is believed.
 */
export function savedIn(text: string | undefined): Map<number, string> {
  const saved = new Map<number, string>();
  const doubtful = new Set<number>();
  for (const line of text?.split("\n") ?? []) {
    const [, tid, value] = /^ *(\d+) (.*)$/.exec(line) ?? [];
    if (tid === undefined) continue;
    const thread = Number(tid);
    if (saved.has(thread)) doubtful.add(thread);
    saved.set(thread, value!);
  }
  for (const thread of doubtful) saved.delete(thread);
  return saved;
}
