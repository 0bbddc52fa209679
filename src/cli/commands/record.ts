/** `record`: keeps the sockets of the past. */
import { rules } from "../../doctor/rules/index.ts";
import { readAmount } from "../../filter/quantity.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";
import { splitWords } from "./record/argv.ts";
import type { RecordSettings } from "./record/settings.ts";

const SHORTEST_S = 0.1;
const LONGEST_S = 86_400;
const DELAY_MS = 5000;
const BUDGET = 2 ** 30;
const LEAST_BUDGET = 2 ** 20;
const KEEP_FREE = 256 << 20;
const DAYS = 7;
const ROWS = 1000;
const MOST_DAYS = 36_500;

function wrong(program: string, what: string, value: string, expected: string): Stop {
  const message = `${program}: record: ${what} "${value}" is not ${expected}`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** Adds a command of `--on`. */
function addHook(settings: RecordSettings, value: string, program: string): RecordSettings | Stop {
  const at = value.indexOf("=");
  const ids = value.slice(0, Math.max(0, at)).split(",");
  const expected = "RULE[,RULE...]=COMMAND, with rules that 'doctor --list-rules' lists";
  const unknown = ids.find((id) => id !== "all" && !rules.some((rule) => rule.id === id));
  if (at < 0 || unknown !== undefined) return wrong(program, "--on", value, expected);
  const words = splitWords(value.slice(at + 1));
  if (words === undefined) return wrong(program, "--on", value, `${expected}: a quote is not closed`);
  const [first, ...others] = words;
  if (first === undefined) return wrong(program, "--on", value, `${expected}: the command is missing`);
  const hook = { rules: ids.includes("all") ? [] : ids, argv: [first, ...others] as const };
  return { ...settings, hooks: [...settings.hooks, hook] };
}

const SIZE = "a number of bytes such as 500m or 2g (k, m, g: powers of 1024)";

/** The command. */
export const record: Command<RecordSettings> = {
  doc:
    `${commandWords.record}. Takes a sample of every socket every few seconds, and follows TCP and UDP sockets to ` +
    "their end, each with its owner. Table options and a filter restrict what is kept; without them it is every table. " +
    "'sockscope --at TIME' shows the sockets of a moment with all options of ss, 'sockscope history' what was connected. " +
    "The store is a folder of SQLite files that only you can read: /var/lib/sockscope for root, " +
    "$XDG_STATE_HOME/sockscope for others. It never grows beyond its budget. Runs until it is interrupted; a run that " +
    "is killed loses the last ten seconds at most.",
  options: [
    {
      shorts: "d",
      longs: ["delay"],
      inFull: true,
      value: { name: "SECONDS", kind: "number" },
      brief: "Time between two samples (5)",
      doc: `Seconds between two samples (default 5, minimum ${SHORTEST_S}). If samples take long, they are taken less often.`,
      apply(settings, value, program) {
        const seconds = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN;
        return seconds >= SHORTEST_S && seconds <= LONGEST_S
          ? { ...settings, delayMs: seconds * 1000 }
          : wrong(program, "delay", value, `a number of seconds from ${SHORTEST_S} to ${LONGEST_S}`);
      },
    },
    {
      longs: ["once"],
      inFull: true,
      brief: "Take one sample and end",
      doc: "Take one sample and end, for a timer. Connections that end between two runs are not seen.",
      apply: (settings) => ({ ...settings, once: true }),
    },
    {
      longs: ["no-args"],
      inFull: true,
      brief: "Leave out the arguments of processes",
      doc: "Leave out the arguments of processes: they may hold secrets. Names and paths of programs are kept.",
      apply: (settings) => ({ ...settings, arguments: false }),
    },
    {
      longs: ["budget"],
      inFull: true,
      value: { name: "BYTES", kind: "word" },
      brief: "Size of the store at most (1g)",
      doc: "Size of the store at most (default 1g, minimum 1m). The oldest file is removed before the store would grow beyond it.",
      apply(settings, value, program) {
        const bytes = readAmount(value, "size");
        return bytes !== undefined && bytes >= LEAST_BUDGET
          ? { ...settings, budgetBytes: bytes }
          : wrong(program, "budget", value, `${SIZE}, from 1m`);
      },
    },
    {
      longs: ["days"],
      inFull: true,
      value: { name: "DAYS", kind: "number" },
      brief: "Days after which files are removed (7)",
      doc: "Remove files whose last sample is older than this many days (default 7), even if the budget allows more.",
      apply(settings, value, program) {
        const days = /^\d{1,5}$/.test(value) ? Number(value) : 0;
        return days >= 1 && days <= MOST_DAYS
          ? { ...settings, days }
          : wrong(program, "number of days", value, `a number from 1 to ${MOST_DAYS}`);
      },
    },
    {
      longs: ["keep-free"],
      inFull: true,
      value: { name: "BYTES", kind: "word" },
      brief: "Space to leave free on the disk (256m)",
      doc: "Stop writing while the disk has less free space than this (default 256m), say so, and go on when there is more.",
      apply(settings, value, program) {
        const bytes = readAmount(value, "size");
        return bytes === undefined
          ? wrong(program, "space to keep free", value, SIZE)
          : { ...settings, keepFreeBytes: bytes };
      },
    },
    {
      longs: ["rows"],
      inFull: true,
      value: { name: "RATE", kind: "number" },
      brief: "Ended connections a second with a row each (1000)",
      doc: "Keep a row for each of so many ended connections a second (default 1000, on average of ten seconds). More are counted together by process, peer and server port.",
      apply(settings, value, program) {
        const rows = /^\d{1,7}$/.test(value) ? Number(value) : 0;
        return rows >= 1
          ? { ...settings, rows }
          : wrong(program, "rate", value, "a number of connections a second, from 1");
      },
    },
    {
      longs: ["store"],
      inFull: true,
      value: { name: "FOLDER", kind: "folder" },
      brief: "The folder of the store",
      doc: "Keep the store in this folder. It is made if it is missing; one that other users can enter is refused.",
      apply: (settings, store) => ({ ...settings, store }),
    },
    {
      longs: ["on"],
      inFull: true,
      value: { name: "RULE[,RULE...]=COMMAND", kind: "word" },
      brief: "Run a command when a rule finds something",
      doc:
        "Run COMMAND when one of these rules of the doctor (or 'all') finds something; may be repeated. The command reads " +
        "the finding as one line of JSON, as 'doctor --watch --json' prints it. COMMAND is split at blanks; quotes and " +
        "backslashes keep blanks as in a shell, and nothing is expanded: no shell is involved. It runs once for a finding " +
        "until that clears, for 30 seconds at most, and 30 times a minute at most. Further findings wait.",
      apply: addHook,
    },
    {
      longs: ["set"],
      inFull: true,
      value: { name: "RULE.NAME=VALUE", kind: "word" },
      brief: "Change a threshold of a rule; may be repeated",
      doc: "Change a threshold of a rule of the doctor, such as new-peer.age=10m; may be repeated. 'doctor --list-rules' lists them.",
      apply: (settings, value) => ({ ...settings, thresholds: [...settings.thresholds, value] }),
    },
  ],
  settings: {
    hooks: [],
    thresholds: [],
    delayMs: DELAY_MS,
    once: false,
    arguments: true,
    budgetBytes: BUDGET,
    days: DAYS,
    keepFreeBytes: KEEP_FREE,
    rows: ROWS,
    store: undefined,
  },
  run: async (task) => (await import("./record/run.ts")).runRecord(task),
};
