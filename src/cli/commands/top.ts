/** `top`: a live view of sockets and their transfer rates. */
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import { byWords, groupSortWords, sortWords, type TopSettings } from "./top/settings.ts";

/** Shortest time between two samples, in seconds. */
const SHORTEST = 0.1;
/** Longest time between two samples, in seconds. */
const LONGEST = 86_400;
const COLUMNS: readonly string[] = [...sortWords, ...groupSortWords];

function wrong(program: string, what: string, value: string, expected: string): Stop {
  const message = `${program}: top: ${what} "${value}" is not ${expected}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The command. */
export const top: Command<TopSettings> = {
  doc:
    `${commandWords.top}. Rates are differences of the kernel's own counters between two samples: received and ` +
    "acknowledged bytes, retransmitted segments, dropped packets. No packet is captured, and no privilege is needed, " +
    "except to see the processes of other users and, with CAP_NET_ADMIN, connections that begin and end between two " +
    "samples. The kernel does not count bytes per UDP socket, so top shows queues and drops there. A value that is " +
    "not known is -, never 0. The default tables are those of IP; -a adds listeners and unconnected sockets. " +
    "With --at it shows the past: [ and ] go back and forth from sample to sample, the space bar plays them. " +
    "Press ? to list the keys.",
  options: [
    {
      shorts: "d",
      longs: ["delay"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: "Seconds between samples (default 1)",
      doc: "Seconds between two samples (default 1, minimum 0.1).",
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
      doc: "Print one frame per sample as plain text. The first comes after one delay, as rates need two samples.",
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
      brief: "Print one JSON object per sample; implies -b",
      doc: "Print each sample as a JSON object on a line of its own, with all its sockets or groups. Implies --batch. docs/top-schema.json describes the object.",
      apply: (settings) => ({ ...settings, form: "json" }),
    },
    {
      longs: ["sort"],
      inFull: true,
      value: { name: "COLUMN", kind: "word", choices: COLUMNS, reversible: true },
      brief: "Sort by a column; -COLUMN: largest first (-rate)",
      doc: `Sort by a column, with - before it largest first: ${COLUMNS.join(", ")}. The default is -rate.`,
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
      brief: "Group by process, user, peer, port and more",
      doc: `Show groups of sockets with sums of their numbers. Group by ${byWords.join(", ")}; dport is the peer's port.`,
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
