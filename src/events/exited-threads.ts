/** Threads that are gone: their names from the trace's records of their exits, their processes from saved_tgids. */
import { processorMs } from "../host/processor-time.ts";
import { traceText } from "../host/tracefs.ts";
import type { ThreadExit } from "./trace-record.ts";

/** The share of a processor's time that reading saved_tgids may take: it costs a pass over all possible pids. */
const SHARE = 0.25;
/** Exits to remember; beyond it, the oldest are forgotten. */
const MOST_EXITS = 10_000;
/** Least time between two searches for exits that were not read yet. */
const PEEK_INTERVAL_MS = 1;

/** Threads that are gone, by their id in the initial PID namespace. */
export class ExitedThreads {
  readonly #mount: string;
  readonly #share: number;
  /** Functions that read the exits that the kernel has recorded since the last round, one per trace. */
  readonly #peeks: (() => void)[] = [];
  readonly #exits = new Map<number, ThreadExit>();
  #nextPeekMs = 0;
  #processes = "";
  /** The threads that were looked up in it. */
  readonly #found = new Map<number, string | undefined>();
  #nextReadMs = 0;
  /** Whether saved_tgids was read after the last records were. */
  #isCurrent = false;

  /**
   * @param mount where tracefs is mounted
   * @param share of a processor's time that reading saved_tgids may take
   */
  constructor(mount: string, share = SHARE) {
    this.#mount = mount;
    this.#share = share;
  }

  /** Takes a function that reads the exits that the kernel has recorded since the last round. */
  usePeek(peek: () => void): void {
    this.#peeks.push(peek);
  }

  /** Takes an exit. */
  add(exit: ThreadExit): void {
    this.#exits.delete(exit.tid);
    this.#exits.set(exit.tid, exit);
    if (this.#exits.size <= MOST_EXITS) return;
    for (const oldest of this.#exits.keys()) {
      this.#exits.delete(oldest);
      return;
    }
  }

  /** The exit of a thread that was alive at a time of CLOCK_MONOTONIC; undefined if it has not ended. */
  exitOf(tid: number, ns: number): ThreadExit | undefined {
    const exit = this.#exits.get(tid);
    return exit !== undefined && exit.ns >= ns ? exit : undefined;
  }

  /** {@link exitOf} a thread that has no entry in procfs any more: its exit may be recorded, but not read yet. */
  latestExitOf(tid: number, ns: number): ThreadExit | undefined {
    const known = this.exitOf(tid, ns);
    const now = performance.now();
    if (known !== undefined || now < this.#nextPeekMs) return known;
    for (const peek of this.#peeks) peek();
    this.#nextPeekMs = now + PEEK_INTERVAL_MS;
    return this.exitOf(tid, ns);
  }

  /**
   * The process of a thread: the thread itself if the kernel does not know another one; undefined if it is too soon to
   * read the table again.
   */
  process(tid: number): number | undefined {
    if (!this.#isCurrent && performance.now() >= this.#nextReadMs) {
      const begun = processorMs();
      this.#processes = traceText(this.#mount, "saved_tgids") ?? "";
      this.#found.clear();
      this.#isCurrent = true;
      this.#nextReadMs = performance.now() + (processorMs() - begun) * (1 / this.#share - 1);
    }
    if (!this.#found.has(tid)) this.#found.set(tid, savedValue(this.#processes, tid));
    const pid = this.#found.get(tid);
    if (pid !== undefined) return Number(pid);
    return this.#isCurrent ? tid : undefined;
  }

  /** Records were read: an earlier saved_tgids may lack their threads. */
  expire(): void {
    this.#isCurrent = false;
  }
}

/** The value in the line `TID VALUE`; undefined if there is no such line. */
export function savedValue(text: string, tid: number): string | undefined {
  const start = `${tid} `;
  const newline = text.startsWith(start) ? -1 : text.indexOf(`\n${start}`);
  if (newline < 0 && !text.startsWith(start)) return undefined;
  const from = newline + 1 + start.length;
  const end = text.indexOf("\n", from);
  return text.slice(from, end < 0 ? undefined : end);
}
