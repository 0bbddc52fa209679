/** The trace as a source: an instance of our own, read page by page, its records in the order of time. */
import type { Files } from "../host/host.ts";
import {
  findTracefs,
  makeInstance,
  removeStaleInstances,
  type TracedEvent,
  type TraceInstance,
  traceText,
} from "../host/tracefs.ts";
import { systemMessage } from "../native/errno.ts";
import type { GoneThreads } from "./owners.ts";
import { missingField, traceDecoder } from "./trace-decode.ts";
import { type PageFormat, parsePageFormat, parseTraceFormat, type TraceFormat } from "./trace-format.ts";
import { newTracePage, type TracePage, walkTracePage } from "./trace-page.ts";
import { type TraceEventName, type TraceRecord, traceEvents } from "./trace-record.ts";

/** Only TCP: MPTCP and SCTP change states as well. Only UDP. */
const filters: Partial<Record<TraceEventName, string>> = {
  state: "protocol == 6",
  route: "proto == 17",
  route6: "proto == 17",
};
/** Memory that all buffers may take together, and one of them at most and at least. */
const TOTAL_KB = 64 * 1024;
const MOST_KB = 16 * 1024;
const LEAST_KB = 1024;
/** Pages that are read of one processor before others have their turn. */
const PAGES_A_ROUND = 512;
/** How long the names of threads that are gone hold. */
const NAMES_MS = 200;

/** What can be traced, or why it cannot. */
export type TracePlan =
  | {
      readonly mount: string;
      readonly page: PageFormat;
      readonly formats: ReadonlyMap<TraceEventName, TraceFormat>;
    }
  | { readonly obstacle: string };

/** Finds out whether some events can be traced. */
export function planTrace(events: readonly TraceEventName[]): TracePlan {
  const found = findTracefs();
  if ("obstacle" in found) return found;
  const mount = found.path;
  const page = parsePageFormat(traceText(mount, "events/header_page") ?? "");
  if (page === undefined) return { obstacle: `cannot make sense of ${mount}/events/header_page` };
  const formats = new Map<TraceEventName, TraceFormat>();
  for (const event of events) {
    const path = `events/${traceEvents[event]}/format`;
    const text = traceText(mount, path);
    if (text === undefined) return { obstacle: `the kernel has no event ${traceEvents[event]}` };
    const format = parseTraceFormat(text);
    const missing = format === undefined ? "ID" : missingField(event, format);
    if (missing !== undefined) return { obstacle: `event ${traceEvents[event]} has no ${missing}` };
    formats.set(event, format!);
  }
  return { mount, page, formats };
}

/** The trace while it runs. */
export interface TraceSource {
  /**
   * The records up to a moment of the trace's clock that were not taken yet, in the order of time. Their addresses are
   * valid until the next call.
   */
  take(untilNs: number): { readonly records: readonly TraceRecord[]; readonly untilNs: number };
  /** How many records were lost since this was asked last. */
  lost(): number;
  readonly gone: GoneThreads;
  /** Ends the trace and leaves tracefs as it was. */
  remove(): void;
}

/** Memory for the buffer of each of some processors. */
function bufferKb(processors: number): number {
  return Math.max(LEAST_KB, Math.min(MOST_KB, Math.floor(TOTAL_KB / processors)));
}

/**
 * Begins to trace.
 *
 * @param wantedKb memory for each processor, if it is told
 * @throws an Error that says what cannot be done
 */
export function startTrace(
  files: Files,
  { mount, page, formats }: Exclude<TracePlan, { obstacle: string }>,
  processors: number,
  wantedKb: number | undefined,
): TraceSource {
  const events = Array.from(formats.keys(), (event): TracedEvent => {
    const filter = filters[event];
    return { path: traceEvents[event], ...(filter === undefined ? {} : { filter }) };
  });
  let instance: TraceInstance;
  try {
    removeStaleInstances(files, mount);
    instance = makeInstance(files, mount, { events, bufferKb: wantedKb ?? bufferKb(processors) });
  } catch (error) {
    throw new Error(`Cannot trace in ${mount}: ${systemMessage(error)}`);
  }
  const decode = traceDecoder(formats);
  let lost = 0;
  let waiting: TraceRecord[] = [];
  /** Pages that may be read into, and those that hold the records that were taken last. */
  const free: TracePage[] = [];
  let used: TracePage[] = [];

  /** The pages of the last round are free, but for those of records that still wait. */
  function recycle(): void {
    const wanted = new Set(waiting.map(({ bytes }) => bytes));
    const kept = used.filter(({ bytes }) => wanted.has(bytes));
    for (const each of used) if (!wanted.has(each.bytes)) free.push(each);
    used = kept;
  }

  function readProcessor(processor: number, records: TraceRecord[]): number | undefined {
    for (let count = 0; count < PAGES_A_ROUND; count++) {
      const into = free.pop() ?? newTracePage(page);
      const length = instance.read(processor, into.bytes);
      if (length === 0) {
        free.push(into);
        return undefined;
      }
      used.push(into);
      walkTracePage(into, length, page, (walked, offset, size, ns) => {
        const record = decode(walked, offset, size, ns);
        if (record !== undefined) records.push(record);
      });
    }
    return records.at(-1)?.ns ?? 0;
  }

  let names = {
    atMs: Number.NEGATIVE_INFINITY,
    byThread: new Map<number, string>() as ReadonlyMap<number, string>,
  };
  let tgids = {
    atMs: Number.NEGATIVE_INFINITY,
    byThread: new Map<number, number>() as ReadonlyMap<number, number>,
  };
  return {
    take(untilNs) {
      recycle();
      const records = waiting;
      let until = untilNs;
      for (let processor = 0; processor < instance.processors; processor++) {
        // What is left unread is later than what was read, but perhaps not than what others have.
        const left = readProcessor(processor, records);
        if (left !== undefined) until = Math.min(until, left);
      }
      records.sort((a, b) => a.ns - b.ns);
      const end = records.findLastIndex(({ ns }) => ns <= until) + 1;
      waiting = records.slice(end);
      records.length = end;
      return { records, untilNs: until };
    },
    lost() {
      const now = instance.lost();
      const since = now - lost;
      lost = now;
      return since;
    },
    gone: {
      name(tid) {
        const now = performance.now();
        if (now - names.atMs > NAMES_MS) names = { atMs: now, byThread: instance.savedNames() };
        return names.byThread.get(tid);
      },
      process(tid) {
        const now = performance.now();
        if (now - tgids.atMs > NAMES_MS) tgids = { atMs: now, byThread: instance.savedProcesses() };
        return tgids.byThread.get(tid);
      },
    },
    remove: () => instance.remove(),
  };
}
