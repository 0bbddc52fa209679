/** `events`: what happens to sockets, as it happens. */
import { type EventKind, eventKinds, sourceNames } from "../../events/event.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import { type EventsSettings, EXIT_TIMEOUT } from "./events/settings.ts";

/** What `--sources` takes in the place of a list. */
const SOURCES_HELP = "help";
/** The shortest time between two listings, in seconds. */
const SHORTEST = 0.01;
/** The longest, and the longest run, in seconds. */
const LONGEST = 86_400 * 365;
const kindNames = Object.keys(eventKinds) as readonly EventKind[];

function wrong(program: string, what: string, value: string, expected: string): Stop {
  const message = `${program}: events: ${what} "${value}" is not ${expected}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

function secondsIn(value: string, least: number): number | undefined {
  const seconds = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
  return seconds >= least && seconds <= LONGEST ? seconds : undefined;
}

/** The words of a comma separated list, or the first that is none of those that there are. */
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
    `${commandWords.events}. One line, or with --json one object, an event: when, what, which socket, its states, ` +
    "the process, and at the end how long it lived and what it carried. TCP and UDP are followed. What is seen " +
    "depends on the sources that can be had: '--sources help' tells, and each event names its own. Without root, " +
    "that is polling, and the kernel's word of sockets at their end; with root, the kernel's trace tells all " +
    "changes of TCP, and where datagrams go. Events that the kernel had to drop are counted in events of the kind " +
    `lost. Ends with status 0 when --until or --count is met, with ${EXIT_TIMEOUT} when --timeout comes first.`,
  options: [
    {
      shorts: "j",
      longs: ["json"],
      inFull: true,
      brief: "One JSON object an event, each on a line",
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
      doc: `Show only these kinds of event: ${kindNames.join(", ")}. Those of the kind lost are always shown.`,
      apply(settings, value, program) {
        const read = readList(value, kindNames);
        if ("illegal" in read) return wrong(program, "kind", read.illegal, `one of ${kindNames.join(", ")}`);
        return { ...settings, only: read.set };
      },
    },
    {
      longs: ["sources"],
      inFull: true,
      value: { name: "SOURCES", kind: "list", choices: [...sourceNames, SOURCES_HELP] },
      brief: "Only these sources; help: which there are",
      doc: `Use no other sources than these: ${sourceNames.join(", ")}. The word help lists them, and why one cannot be had.`,
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
      doc: "How many seconds lie between two listings. The usual is 1 with a trace, and 0.25 without one.",
      apply(settings, value, program) {
        const seconds = secondsIn(value, SHORTEST);
        if (seconds === undefined)
          return wrong(program, "delay", value, `a number of seconds, ${SHORTEST} or more`);
        return { ...settings, intervalMs: seconds * 1000 };
      },
    },
    {
      longs: ["until"],
      inFull: true,
      value: { name: "FILTER", kind: "word" },
      brief: "End after an event that this filter lets pass",
      doc: "End with status 0 after the first event that is shown and that this filter lets pass. It may begin with state STATE, which then is the new state.",
      apply: (settings, until) => ({ ...settings, until }),
    },
    {
      longs: ["count"],
      inFull: true,
      value: { name: "NUMBER", kind: "number" },
      brief: "End after that many events",
      doc: "End with status 0 after that many events.",
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
      brief: "End after that time",
      doc: `End after that time: with status ${EXIT_TIMEOUT} if --until or --count was waited for, else with 0.`,
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
      brief: "Memory of the trace for each processor",
      doc: "How many kilobytes the kernel's trace may fill for each processor before it drops events. The usual is 64 MB in all, and at most 16 MB each.",
      apply(settings, value, program) {
        const kilobytes = /^\d{1,7}$/.test(value) ? Number(value) : 0;
        if (kilobytes < 1) return wrong(program, "trace buffer", value, "a number of kilobytes");
        return { ...settings, traceBufferKb: kilobytes };
      },
    },
  ],
  settings: {
    form: "lines",
    sources: undefined,
    listSources: false,
    only: undefined,
    intervalMs: undefined,
    until: undefined,
    count: undefined,
    timeoutMs: undefined,
    traceBufferKb: undefined,
  },
  run: async (task) => (await import("./events/run.ts")).runEvents(task),
};
