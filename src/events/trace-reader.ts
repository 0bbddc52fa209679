/** Reading a trace instance of our own, page by page, its records in the order of time. */
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
import { monotonicNs } from "./clock.ts";
import type { Availability, OpenSource, SourceContext } from "./event-source.ts";
import { hasInitialPids } from "./owners.ts";
import { missingField, traceDecoder } from "./trace-decode.ts";
import { type PageFormat, parsePageFormat, parseTraceFormat, type TraceFormat } from "./trace-format.ts";
import { newTracePage, type TracePage, walkTracePage } from "./trace-page.ts";
import { type ThreadExit, type TraceEventName, type TraceRecord, traceEvent } from "./trace-record.ts";

/** Memory of all buffers of an instance, and most and least of one of them. */
const TOTAL_KB = 64 * 1024;
const MOST_KB = 16 * 1024;
const LEAST_KB = 1024;
/** Pages that are read from one processor before the next processor. */
const PAGES_A_ROUND = 512;
/** Time between two reads of the counters of lost records. */
const LOSS_INTERVAL_MS = 500;

/** The mount and events to trace, or why they cannot be traced. */
type TracePlan =
  | {
      readonly mount: string;
      readonly isPrivate: boolean;
      readonly page: PageFormat;
      readonly formats: ReadonlyMap<TraceEventName, TraceFormat>;
    }
  | { readonly obstacle: string };

function planTrace(events: readonly TraceEventName[]): TracePlan {
  const found = findTracefs();
  if ("obstacle" in found) return found;
  const { path: mount, isPrivate } = found;
  const page = parsePageFormat(traceText(mount, "events/header_page") ?? "");
  if (page === undefined) return { obstacle: `cannot make sense of ${mount}/events/header_page` };
  const formats = new Map<TraceEventName, TraceFormat>();
  for (const event of events) {
    const { path, optional } = traceEvent(event);
    const text = traceText(mount, `events/${path}/format`);
    const format = text === undefined ? undefined : parseTraceFormat(text);
    const missing = format === undefined ? "ID" : missingField(event, format);
    if (missing === undefined) formats.set(event, format!);
    else if (optional) continue;
    else if (text === undefined) return { obstacle: `the kernel has no event ${path}` };
    else return { obstacle: `event ${path} has no ${missing}` };
  }
  return { mount, isPrivate, page, formats };
}

/** Some events, and the exits of threads: they name the processes that are gone. */
function withExits(events: readonly TraceEventName[]): readonly TraceEventName[] {
  return [...events, "exit"];
}

/** Whether these events can be traced. */
export function traceAvailability(files: Files, events: readonly TraceEventName[]): Availability {
  const plan = planTrace(withExits(events));
  if ("obstacle" in plan) return plan;
  const notes: string[] = [];
  if (plan.isPrivate) notes.push("tracefs is mounted for this run only");
  if (!hasInitialPids(files, "/proc"))
    notes.push("in a PID namespace it knows only the names of processes that have ended");
  return notes.length === 0 ? {} : { note: notes.join("; ") };
}

/**
 * Opens an instance as a source of events.
 *
 * @param name the source's name, which labels the instance
 * @param visit takes each record, whose addresses are valid until the next round
 * @throws an Error that says why it cannot
 */
export function openTraceSource(
  { options, owners, tracedUntil, lose }: SourceContext,
  name: string,
  events: readonly TraceEventName[],
  visit: (record: TraceRecord) => void,
): OpenSource {
  const plan = planTrace(withExits(events));
  if ("obstacle" in plan) throw new Error(`Cannot trace: ${plan.obstacle}`);
  const { files } = options.places[0]!.host;
  const threads = owners.useTrace(plan.mount, options.threadShare);
  const visitExit = (exit: ThreadExit) => threads.add(exit);
  const reader = startReader(files, plan, name, options.traceBufferKb, visitExit);
  threads.usePeek(() => reader.peek());
  let nextLossMs = 0;
  return {
    take() {
      const { records, untilNs, more } = reader.take(monotonicNs());
      threads.expire();
      for (const record of records) visit(record);
      tracedUntil(untilNs);
      if (reader.wasCrowded() && performance.now() >= nextLossMs) {
        nextLossMs = performance.now() + LOSS_INTERVAL_MS;
        const count = reader.lost();
        if (count > 0) lose(name, count);
      }
      return more;
    },
    close: (hurry) => reader.remove(hurry),
  };
}

/** A trace that is running. */
interface TraceReader {
  /**
   * Takes the records up to a moment of CLOCK_MONOTONIC, in the order of time. Their addresses are valid until the
   * next call. `untilNs` is the moment up to which they are complete.
   */
  take(untilNs: number): {
    readonly records: readonly TraceRecord[];
    readonly untilNs: number;
    readonly more: boolean;
  };
  /** Reads the records since the last call, for the exits among them. */
  peek(): void;
  /** Whether a buffer was so full since the last call of {@link lost} that records may have been lost. */
  wasCrowded(): boolean;
  /** Records lost since the last call. */
  lost(): number;
  /** Ends the trace and leaves tracefs as it was. @param hurry as {@link OpenSource.close} */
  remove(hurry: boolean): void;
}

/** Records are only lost while a buffer is full. It was not if no more than one page in so many was read at once. */
const CROWDED = 4;
/** Records that are read ahead at most, in search of exits. */
const MOST_WAITING = 20_000;

/** The default buffer of each of some processors, in kilobytes. */
function bufferKb(processors: number): number {
  return Math.max(LEAST_KB, Math.min(MOST_KB, Math.floor(TOTAL_KB / processors)));
}

/** Starts a trace. @throws an Error that says why it cannot */
function startReader(
  files: Files,
  { mount, page, formats }: Exclude<TracePlan, { obstacle: string }>,
  label: string,
  wantedKb: number | undefined,
  visitExit: (exit: ThreadExit) => void,
): TraceReader {
  const events = Array.from(formats.keys(), (event): TracedEvent => {
    const { path, filter } = traceEvent(event);
    return { path, ...(filter === undefined ? {} : { filter }) };
  });
  let instance: TraceInstance;
  let pages: number;
  try {
    removeStaleInstances(files, mount);
    const processors = files.list("/sys/devices/system/cpu").filter((entry) => /^cpu\d+$/.test(entry));
    const settings = { label, events, bufferKb: wantedKb ?? bufferKb(processors.length) };
    pages = (settings.bufferKb * 1024) / page.size;
    instance = makeInstance(files, mount, settings);
  } catch (error) {
    throw new Error(`Cannot trace in ${mount}: ${systemMessage(error)}`);
  }
  const decode = traceDecoder(formats);
  let lost = 0;
  let crowded = false;
  let waiting: TraceRecord[] = [];
  /** Pages to read into, and pages with the records of the last round. */
  const free: TracePage[] = [];
  let used: TracePage[] = [];

  /** Frees the pages of the last round, except those of records that are still waiting. */
  function recycle(): void {
    const wanted = new Set(waiting.map(({ bytes }) => bytes));
    const kept = used.filter(({ bytes }) => wanted.has(bytes));
    for (const each of used) if (!wanted.has(each.bytes)) free.push(each);
    used = kept;
  }

  /** Reads the records of a processor. @returns the time up to which it read, if records are left */
  function readProcessor(processor: number, records: TraceRecord[]): number | undefined {
    let lastNs = 0;
    for (let count = 0; count < PAGES_A_ROUND; count++) {
      const into = free.pop() ?? newTracePage(page);
      const length = instance.read(processor, into.bytes);
      if (length === 0) {
        free.push(into);
        return undefined;
      }
      if (count >= pages / CROWDED) crowded = true;
      used.push(into);
      walkTracePage(into, length, page, (walked, offset, size, ns) => {
        lastNs = ns;
        const record = decode(walked, offset, size, ns);
        if (record?.event === "exit") visitExit(record);
        else if (record !== undefined) records.push(record);
      });
    }
    crowded = true;
    return lastNs;
  }

  return {
    take(untilNs) {
      recycle();
      const records = waiting;
      let until = untilNs;
      for (let processor = 0; processor < instance.processors; processor++) {
        // Unread records are later than those read here, but perhaps not later than those of other processors.
        const left = readProcessor(processor, records);
        if (left !== undefined) until = Math.min(until, left);
      }
      records.sort((a, b) => a.ns - b.ns);
      const end = records.findLastIndex(({ ns }) => ns <= until) + 1;
      waiting = records.slice(end);
      records.length = end;
      return { records, untilNs: until, more: until < untilNs };
    },
    peek() {
      // Otherwise what is read ahead has no limit, as the kernel's buffer has.
      if (waiting.length >= MOST_WAITING) return;
      for (let processor = 0; processor < instance.processors; processor++) readProcessor(processor, waiting);
    },
    wasCrowded: () => crowded,
    lost() {
      crowded = false;
      const now = instance.lost();
      const since = now - lost;
      lost = now;
      return since;
    },
    remove: (hurry) => instance.remove(hurry),
  };
}
