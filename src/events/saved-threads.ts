/** The names and processes of threads that are gone, as the kernel's trace remembers them. */
import { traceText } from "../host/tracefs.ts";

/** The part of a processor that reading a table may take: saved_tgids costs a pass over all possible pids. */
const SHARE = 0.25;
const US_PER_MS = 1000;

/** Processor time of this process, in milliseconds: unlike the time of day, it does not grow while others run. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / US_PER_MS;
}

/** One table of tracefs, read again when it is older than the records that ask for it. */
class SavedTable {
  readonly #read: () => string | undefined;
  #text = "";
  #nextMs = 0;
  /** Whether it was read after the last records were. */
  isCurrent = false;

  constructor(read: () => string | undefined) {
    this.#read = read;
  }

  get(tid: number): string | undefined {
    if (!this.isCurrent && performance.now() >= this.#nextMs) {
      const begun = processorMs();
      this.#text = this.#read() ?? "";
      this.isCurrent = true;
      this.#nextMs = performance.now() + (processorMs() - begun) * (1 / SHARE - 1);
    }
    return savedValue(this.#text, tid);
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

  /**
   * The process of a thread: the thread itself if the kernel does not know another one; undefined if it is too soon to
   * read the table again.
   */
  process(tid: number): number | undefined {
    const pid = this.#processes.get(tid);
    if (pid !== undefined) return Number(pid);
    return this.#processes.isCurrent ? tid : undefined;
  }

  /** Records were read: what was read before may not know their threads. */
  expire(): void {
    this.#names.isCurrent = false;
    this.#processes.isCurrent = false;
  }
}

/**
 * The value in the line `TID VALUE`. A name may have a newline in it, and look like the line of another thread: if a
 * thread has two lines, neither is believed.
 */
export function savedValue(text: string, tid: number): string | undefined {
  const at = lineOf(text, tid, 0);
  if (at < 0 || lineOf(text, tid, at + 1) >= 0) return undefined;
  const end = text.indexOf("\n", at + 1);
  return text.slice(text.indexOf(" ", at) + 1, end < 0 ? undefined : end);
}

/** Where a line begins with a thread id; -1 if none does. */
function lineOf(text: string, tid: number, from: number): number {
  const start = `${tid} `;
  if (from === 0 && text.startsWith(start)) return 0;
  const newline = text.indexOf(`\n${start}`, Math.max(0, from - 1));
  return newline < 0 ? -1 : newline + 1;
}
