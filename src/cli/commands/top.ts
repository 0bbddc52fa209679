/** `top`: sockets as they come, go and transfer. */
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import { byWords, groupSortWords, sortWords, type TopSettings } from "./top/settings.ts";

/** The shortest time between two samples, in seconds. */
const SHORTEST = 0.1;
/** The longest, in seconds. */
const LONGEST = 86_400;
const COLUMNS: readonly string[] = [...sortWords, ...groupSortWords];

function wrong(program: string, what: string, value: string, expected: string): Stop {
  const message = `${program}: top: ${what} "${value}" is not ${expected}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The command. */
export const top: Command<TopSettings> = {
  doc:
    `${commandWords.top}. Rates are differences of the kernel's own counters between two samples, so that no packet ` +
    "is captured and no right is needed: received and acknowledged bytes, retransmitted segments, dropped packets. " +
    "Of UDP the kernel counts no bytes for each socket: there, queues and drops are shown. What is not known is " +
    "shown as -, never as 0. Without a choice of tables these are all of IP; -a shows listeners and unconnected " +
    "sockets, too. Keys are told by the key ?.",
  options: [
    {
      shorts: "d",
      longs: ["delay"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: "Time between two samples, from 0.1 (1)",
      doc: "How many seconds lie between two samples, 0.1 or more. The usual is one.",
      apply(settings, value, program) {
        const seconds = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
        if (!(seconds >= SHORTEST && seconds <= LONGEST))
          return wrong(program, "delay", value, `a number of seconds from ${SHORTEST} to ${LONGEST}`);
        return { ...settings, delayMs: seconds * 1000 };
      },
    },
    {
      shorts: "b",
      longs: ["batch"],
      inFull: true,
      brief: "Print frames, without a screen",
      doc: "Print one frame a sample as plain text. The first comes after the first delay, as rates need two samples.",
      apply: (settings) => ({ ...settings, form: settings.form === "json" ? "json" : "batch" }),
    },
    {
      shorts: "n",
      longs: ["count"],
      inFull: true,
      value: { name: "COUNT", kind: "number" },
      brief: "End after that many frames",
      doc: "End after that many frames.",
      apply(settings, value, program) {
        const count = /^\d+$/.test(value) ? Number(value) : 0;
        if (count < 1) return wrong(program, "count", value, "a number of frames");
        return { ...settings, count };
      },
    },
    {
      shorts: "j",
      longs: ["json"],
      inFull: true,
      brief: "Print one JSON object a sample; implies -b",
      doc: "Print each sample as a JSON object on a line of its own, with all its sockets or groups. Implies --batch.",
      apply: (settings) => ({ ...settings, form: "json" }),
    },
    {
      longs: ["sort"],
      inFull: true,
      value: { name: "COLUMN", kind: "word", choices: COLUMNS, reversible: true },
      brief: "Sort by a column; -COLUMN: largest first (-rate)",
      doc: `Sort by a column, with - before it largest first: ${COLUMNS.join(", ")}. The usual is -rate.`,
      apply(settings, value, program) {
        const descending = value.startsWith("-");
        const column = descending ? value.slice(1) : value;
        if (!COLUMNS.includes(column)) return wrong(program, "sort", value, `one of ${COLUMNS.join(", ")}`);
        return { ...settings, sort: { column, descending } };
      },
    },
    {
      longs: ["by"],
      inFull: true,
      value: { name: "GROUP", kind: "word", choices: byWords },
      brief: "Groups: process, peer, port, state or container",
      doc: `Show groups of sockets, with the sums of what they transfer: ${byWords.join(", ")}.`,
      apply(settings, value, program) {
        const by = byWords.find((word) => word === value);
        return by === undefined
          ? wrong(program, "group", value, `one of ${byWords.join(", ")}`)
          : { ...settings, by };
      },
    },
  ],
  settings: {
    delayMs: 1000,
    count: undefined,
    form: "screen",
    sort: { column: "rate", descending: true },
    by: undefined,
  },
  run: async (task) => (await import("./top/run.ts")).runTop(task),
};
