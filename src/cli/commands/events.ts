/** `events`: follows sockets as they open, change state, fail and close. */
import { type EventKind, eventKinds } from "../../events/event.ts";
import { eventSources } from "../../events/registry.ts";
import { noStreamSettings, streamOptions } from "../fleet/stream-settings.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import { type EventsSettings, EXIT_TIMEOUT } from "./events/settings.ts";

/** `--sources help` lists the sources. */
const SOURCES_HELP = "help";
/** The shortest interval of listings, in seconds. */
const SHORTEST = 0.01;
/** Seconds between two rounds, and the most: the kernel's buffers hold the events until then. */
const ROUND_S = 0.02;
const LONGEST_ROUND_S = 1;
/** The longest interval, and the longest run, in seconds. */
const LONGEST = 86_400 * 365;
const sourceNames = eventSources.map(({ name }) => name);
const kindNames = Object.keys(eventKinds) as readonly EventKind[];

function wrong(program: string, what: string, value: string, expected: string): Stop {
  const message = `${program}: events: ${what} "${value}" is not ${expected}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

function secondsIn(value: string, least: number): number | undefined {
  const seconds = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
  return seconds >= least && seconds <= LONGEST ? seconds : undefined;
}

/** Splits a comma-separated list. @returns its words, or the first one that is not allowed */
function readList<Word extends string>(
  value: string,
  words: readonly Word[],
): { readonly set: ReadonlySet<Word> } | { readonly illegal: string } {
  const set = new Set<Word>();
  for (const name of value.split(",")) {
    const word = words.find((each) => each === name);
    if (word === undefined) return { illegal: name };
    set.add(word);
  }
  return { set };
}

/** The command. */
export const events: Command<EventsSettings> = {
  doc:
    `${commandWords.events}. Each event is one line, or with --json one object: when, what, which socket, its states, ` +
    "the process, and at the end how long it lived and what it carried. Follows TCP and UDP. Without root, the " +
    "tables of sockets are polled, and the kernel announces sockets at their end; with root, the kernel's trace adds " +
    "every change of state of TCP, failed connects, the processes of short connections, and where UDP datagrams go. " +
    "A line on standard error, or the first line of JSON, says which sources are missing and what no event shows " +
    "without them; '--sources help' lists them all. Events that the kernel had to drop are counted in events of the " +
    `kind lost. Ends with status 0 when --until or --count is met, with ${EXIT_TIMEOUT} when --timeout comes first.`,
  options: [
    {
      shorts: "j",
      longs: ["json"],
      inFull: true,
      brief: "One JSON object per event and line",
      doc: "Write each event as a JSON object on a line of its own, as --ndjson does.",
      apply: (settings) => ({ ...settings, form: "ndjson" }),
    },
    {
      longs: ["ndjson"],
      inFull: true,
      brief: "The same as --json",
      doc: "Write each event as a JSON object on a line of its own.",
      apply: (settings) => ({ ...settings, form: "ndjson" }),
    },
    {
      longs: ["only"],
      inFull: true,
      value: { name: "KINDS", kind: "list", choices: kindNames },
      brief: `Only these kinds: ${kindNames.slice(0, 3).join(",")},…`,
      doc: `Show only these kinds of event: ${kindNames.join(", ")}. Events of the kind lost are always shown.`,
      apply(settings, value, program) {
        const read = readList(value, kindNames);
        if ("illegal" in read) return wrong(program, "kind", read.illegal, `one of ${kindNames.join(", ")}`);
        return { ...settings, only: read.set };
      },
    },
    {
      longs: ["existing"],
      inFull: true,
      brief: "Begin with the sockets that are there",
      doc: "Show the sockets that are there at the start, as events of the kind existing.",
      apply: (settings) => ({ ...settings, existing: true }),
    },
    {
      longs: ["sources"],
      inFull: true,
      value: { name: "SOURCES", kind: "list", choices: [...sourceNames, SOURCES_HELP] },
      brief: "Only these sources; help lists them",
      doc: `Use only these sources of events: ${sourceNames.join(", ")}. The word help lists them, and says why a source does not work here.`,
      apply(settings, value, program) {
        if (value === SOURCES_HELP) return { ...settings, listSources: true };
        const read = readList(value, sourceNames);
        if ("illegal" in read)
          return wrong(program, "source", read.illegal, `one of ${sourceNames.join(", ")}, ${SOURCES_HELP}`);
        return { ...settings, sources: read.set };
      },
    },
    {
      shorts: "d",
      longs: ["delay"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: "Time between two listings of the tables",
      doc: "Seconds between two listings of the tables: 1 by default for TCP with a trace, else 0.25.",
      apply(settings, value, program) {
        const seconds = secondsIn(value, SHORTEST);
        if (seconds === undefined)
          return wrong(program, "delay", value, `a number of seconds, ${SHORTEST} or more`);
        return { ...settings, intervalMs: seconds * 1000 };
      },
    },
    {
      longs: ["latency"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: `Time until an event is shown (${ROUND_S})`,
      doc: `Seconds until an event that a source has is shown (default ${ROUND_S}). An idle run wakes once in this time: with 0.2 it costs a fifth.`,
      apply(settings, value, program) {
        const seconds = secondsIn(value, SHORTEST);
        if (seconds === undefined || seconds > LONGEST_ROUND_S)
          return wrong(
            program,
            "latency",
            value,
            `a number of seconds from ${SHORTEST} to ${LONGEST_ROUND_S}`,
          );
        return { ...settings, latencyMs: seconds * 1000 };
      },
    },
    {
      longs: ["until"],
      inFull: true,
      value: { name: "FILTER", kind: "word" },
      brief: "End after an event that matches this filter",
      doc: "End with status 0 after the first event that is shown and matches this filter. The filter may begin with state STATE, which is the new state of the event. Sockets that are there at the start count as well, so that the run ends at once if the condition already holds; with --only, they count if existing is among the kinds.",
      apply: (settings, until) => ({ ...settings, until }),
    },
    {
      longs: ["count"],
      inFull: true,
      value: { name: "NUMBER", kind: "number" },
      brief: "End after this number of events",
      doc: "End with status 0 after this number of events.",
      apply(settings, value, program) {
        const count = /^\d{1,15}$/.test(value) ? Number(value) : 0;
        if (count < 1) return wrong(program, "count", value, "a number of events");
        return { ...settings, count };
      },
    },
    {
      longs: ["timeout"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: "End after this time",
      doc: `End after this time: with status ${EXIT_TIMEOUT} if --until or --count was not met, without them with 0.`,
      apply(settings, value, program) {
        const seconds = secondsIn(value, 0);
        if (seconds === undefined) return wrong(program, "timeout", value, "a number of seconds");
        return { ...settings, timeoutMs: seconds * 1000 };
      },
    },
    {
      longs: ["trace-buffer"],
      inFull: true,
      value: { name: "KILOBYTES", kind: "number" },
      brief: "Trace buffer of each processor",
      doc: "Kilobytes of each processor's trace buffer. When it is full, the kernel drops events. By default 64 MB for all processors of a trace, and at most 16 MB each.",
      apply(settings, value, program) {
        const kilobytes = /^\d{1,7}$/.test(value) ? Number(value) : 0;
        if (kilobytes < 1) return wrong(program, "trace buffer", value, "a number of kilobytes");
        return { ...settings, traceBufferKb: kilobytes };
      },
    },
    ...streamOptions<EventsSettings>(),
  ],
  settings: {
    form: "lines",
    sources: undefined,
    listSources: false,
    existing: false,
    only: undefined,
    intervalMs: undefined,
    latencyMs: ROUND_S * 1000,
    until: undefined,
    count: undefined,
    timeoutMs: undefined,
    traceBufferKb: undefined,
    stream: noStreamSettings,
  },
  run: async (task) => (await import("./events/run.ts")).runEvents(task),
};
