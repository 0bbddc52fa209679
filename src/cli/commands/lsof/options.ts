/** The options of lsof for sockets, with their effects, and the options that are refused. lsof(8). */
import type { Services } from "../../../enrich/services.ts";
import type { OptionShape, ValueRule } from "./getopt.ts";
import { readTerm, TermError } from "./internet.ts";
import { longOptions } from "./long-options.ts";
import type { Chosen, CommandTerm, LsofSettings } from "./settings.ts";
import { stateNumbers } from "./states.ts";

/** A command line that cannot be understood: lsof's message. */
export class LsofError extends Error {}

/** What options look up. */
export interface OptionLookups {
  services(): Services;
  /** The uid of a user's name. */
  uid(name: string): number | undefined;
}

/** An option. */
export interface LsofOption extends OptionShape {
  /** What it does, for `--help`. */
  readonly brief: string;
  /** How its value is called there. */
  readonly valueName?: string;
  /** @throws LsofError */
  apply(
    settings: LsofSettings,
    value: string | undefined,
    sign: "-" | "+",
    lookups: OptionLookups,
  ): LsofSettings;
}

const LONGEST_COMMAND = 15;
const DEFAULT_REPEAT_SECONDS = 15;
/** The letters of `-F` that lsof knows. */
const FIELD_LETTERS = /^[acCdDfFgGiKklLmMnNopPrRsStTuzZ0]*$/;

/** Reads a comma-separated list. */
function chosen<T>(before: Chosen<T>, list: string, read: (word: string) => T): Chosen<T> {
  const include = [...before.include];
  const exclude = [...before.exclude];
  for (const word of list.split(",")) {
    if (word === "") continue;
    if (word.startsWith("^")) exclude.push(read(word.slice(1)));
    else include.push(read(word));
  }
  return { include, exclude };
}

function numberOr(message: string): (word: string) => number {
  return (word) => {
    if (!/^\d+$/.test(word)) throw new LsofError(`${message}: ${word}`);
    return Number(word);
  };
}

function commandTerm(value: string): CommandTerm {
  const exclude = value.startsWith("^");
  const text = exclude ? value.slice(1) : value;
  const regular = /^\/(.*)\/([bix]*)$/s.exec(text);
  if (regular === null) return { text, exclude, matches: (name) => name.startsWith(text) };
  try {
    const pattern = new RegExp(regular[1]!, regular[2]!.includes("i") ? "i" : "");
    return { text, exclude, matches: (name) => pattern.test(name) };
  } catch {
    throw new LsofError(`regexp error: ${text}: Invalid regular expression`);
  }
}

function readStates(before: Chosen<string>, value: string): Chosen<string> {
  const match = /^([^:]*):(.*)$/s.exec(value);
  const protocol = match?.[1]?.toUpperCase();
  if (protocol === "UDP") throw new LsofError(`no UDP state names available: ${value}`);
  if (protocol !== "TCP") throw new LsofError(`unknown -s protocol: "${value}"`);
  return chosen(before, match![2]!, (word) => {
    const name = word.toUpperCase();
    if (!stateNumbers.has(name)) throw new LsofError(`unknown TCP state name: ${word}`);
    return name;
  });
}

function readRepeat(value: string, sign: "-" | "+"): LsofSettings["repeat"] {
  const match = /^(\d*)(?:c(\d+))?(?:m(.*))?(.*)$/s.exec(value)!;
  if (match[4] !== "") throw new LsofError(`illegal option character: ${match[4]![0]}`);
  return {
    seconds: match[1] === "" ? DEFAULT_REPEAT_SECONDS : Number(match[1]),
    count: match[2] === undefined ? undefined : Number(match[2]),
    marker: match[3],
    untilNone: sign === "+",
  };
}

function flag(
  letter: string,
  brief: string,
  change: Partial<LsofSettings>,
  signs: OptionShape["signs"] = "-",
): LsofOption {
  return { letter, signs, value: "none", brief, apply: (settings) => ({ ...settings, ...change }) };
}

function refused(letter: string, signs: OptionShape["signs"], value: ValueRule, what: string): LsofOption {
  return {
    letter,
    signs,
    value,
    brief: "",
    apply(_settings, _value, sign) {
      throw new LsofError(`${sign}${letter} is about ${what}, not about sockets: lsof(8) itself does that`);
    },
  };
}

/** All options. Those without a `brief` are refused, or change nothing for sockets. */
export const lsofOptions: readonly LsofOption[] = [
  {
    letter: "i",
    signs: "-",
    value: "optional",
    valueName: "[46][PROTOCOL][@HOST][:PORTS]",
    brief: "Internet sockets, all or those of a term; may be repeated",
    apply(settings, value, _sign, { services }) {
      if (value === undefined) return { ...settings, allInternet: true };
      try {
        return { ...settings, internet: [...settings.internet, readTerm(value, services)] };
      } catch (error) {
        if (error instanceof TermError) throw new LsofError(error.message);
        throw error;
      }
    },
  },
  flag("U", "UNIX sockets", { unix: true }),
  flag("a", "Only what all of the selections have in common", { and: true }),
  {
    letter: "s",
    signs: "-",
    value: "optional",
    valueName: "TCP:STATES",
    brief: "TCP sockets in these states only, with ^ in others",
    apply: (settings, value) =>
      value === undefined
        ? { ...settings, size: "size" }
        : { ...settings, states: readStates(settings.states, value) },
  },
  {
    letter: "p",
    signs: "-",
    value: "required",
    valueName: "PIDS",
    brief: "Processes by id",
    apply: (settings, value) => ({
      ...settings,
      pids: chosen(settings.pids, value!, numberOr("illegal process ID")),
    }),
  },
  {
    letter: "g",
    signs: "-",
    value: "optional",
    valueName: "PGIDS",
    brief: "Process groups by id; shows the PGID column",
    apply: (settings, value) => ({
      ...settings,
      showPgid: true,
      pgids:
        value === undefined
          ? settings.pgids
          : chosen(settings.pgids, value, numberOr("illegal process group ID")),
    }),
  },
  {
    letter: "u",
    signs: "-",
    value: "required",
    valueName: "USERS",
    brief: "Processes of users, by name or uid",
    apply: (settings, value, _sign, { uid }) => ({
      ...settings,
      uids: chosen(settings.uids, value!, (word) => {
        const found = /^\d+$/.test(word) ? Number(word) : uid(word);
        if (found === undefined) throw new LsofError(`can't get UID for ${word}`);
        return found;
      }),
    }),
  },
  {
    letter: "c",
    signs: "-",
    value: "required",
    valueName: "NAME",
    brief: "Processes whose name begins so, or matches /REGEXP/[bix]",
    apply: (settings, value) => ({ ...settings, commands: [...settings.commands, commandTerm(value!)] }),
  },
  {
    letter: "d",
    signs: "-",
    value: "required",
    valueName: "FDS",
    brief: "Descriptors by number",
    apply: (settings, value) => ({
      ...settings,
      fds: chosen(settings.fds ?? { include: [], exclude: [] }, value!, numberOr("illegal FD")),
    }),
  },
  flag("n", "Addresses, not host names", { hostNames: false }),
  flag("P", "Port numbers, not services", { portNames: false }),
  flag("l", "User ids, not names", { userNames: false }),
  flag("R", "The PPID column", { showParent: true }),
  {
    letter: "c",
    signs: "+",
    value: "required",
    valueName: "WIDTH",
    brief: "Width of the COMMAND column (9); 0 for all of a name",
    apply(settings, value) {
      const width = numberOr("+c value")(value!);
      if (width > LONGEST_COMMAND)
        throw new LsofError(`+c ${width} > what system provides (${LONGEST_COMMAND})`);
      return { ...settings, commandWidth: width };
    },
  },
  {
    letter: "T",
    signs: "-",
    value: "optional",
    valueName: "[qs]",
    brief: "TCP information in NAME: queues, state; without letters none",
    apply(settings, value = "") {
      const wrong = /[^fqs]/.exec(value);
      if (wrong !== null) throw new LsofError(`unsupported TCP/TPI info selection: ${wrong[0]}`);
      return { ...settings, tcpInfo: { state: value.includes("s"), queues: value.includes("q") } };
    },
  },
  flag("E", "Who has the other end, if it is on this host", { endpoints: true }),
  flag("t", "Process ids alone", { format: "terse" }),
  {
    letter: "F",
    signs: "-",
    value: "optional",
    valueName: "[FIELDS]",
    brief: "Fields for programs; with 0 each ends in NUL",
    apply(settings, value = "") {
      const wrong = [...value].find((letter) => !FIELD_LETTERS.test(letter));
      if (wrong !== undefined) throw new LsofError(`unknown field: ${wrong}`);
      const fields = value.replaceAll("0", "");
      const format = settings.format === "json" || settings.format === "ndjson" ? settings.format : "fields";
      if (settings.format === "terse") throw new LsofError("-F and -t are mutually exclusive");
      return { ...settings, format, fields, nul: value.includes("0") };
    },
  },
  flag("J", "One JSON object, with the keys of lsof 4.99", { format: "json" }),
  flag("j", "JSON, one one object per line", { format: "ndjson" }),
  flag("Q", "Exit with 0 where something was not found, too", { quiet: true }),
  flag("V", "Say what was not found", { verbose: true }),
  {
    letter: "r",
    signs: "-+",
    value: "optional",
    valueName: "[SECONDS][cCOUNT][mFORMAT]",
    brief: "Repeat (15s); with + until nothing is found",
    apply: (settings, value = "", sign) => ({ ...settings, repeat: readRepeat(value, sign) }),
  },
  {
    letter: "o",
    signs: "-",
    value: "number",
    valueName: "[DIGITS]",
    brief: "The OFFSET column in place of SIZE/OFF",
    apply: (settings, value) => (value === undefined ? { ...settings, size: "offset" } : settings),
  },
  {
    letter: "L",
    signs: "-+",
    value: "number",
    brief: "",
    apply(settings, value, sign) {
      if (value !== undefined && value !== "0")
        throw new LsofError(
          "+L with a number is about links of files, not about sockets: lsof(8) itself does that",
        );
      return { ...settings, links: sign === "+" };
    },
  },
  {
    letter: "f",
    signs: "-+",
    value: "attached",
    valueName: "[gG]",
    brief: "With +: flags of the descriptor, as names (g) or numbers (G)",
    apply: (settings, value = "", sign) => ({
      ...settings,
      flags:
        sign === "-"
          ? undefined
          : value.includes("G")
            ? "numbers"
            : value.includes("g")
              ? "names"
              : undefined,
    }),
  },
  flag("w", "", {}, "-+"),
  flag("b", "", {}),
  flag("O", "", {}),
  flag("C", "", {}),
  flag("M", "", {}, "-+"),
  { letter: "S", signs: "-", value: "number", brief: "", apply: (settings) => settings },
  {
    letter: "K",
    signs: "-",
    value: "optional",
    brief: "",
    apply(settings, value) {
      if (value === "i") return settings;
      throw new LsofError("-K is about the files of threads, not about sockets: lsof(8) itself does that");
    },
  },
  refused("E", "+", "none", "the files at other ends"),
  refused("D", "-", "required", "the device cache"),
  refused("D", "+", "required", "directories"),
  refused("d", "+", "required", "directories"),
  refused("e", "-+", "required", "file systems"),
  refused("m", "-+", "optional", "mounts"),
  refused("k", "-", "required", "the kernel's name list"),
  refused("A", "-", "required", "AFS"),
  refused("N", "-", "none", "NFS files"),
  refused("x", "-", "optional", "directories"),
  refused("X", "-", "none", "all but sockets"),
  refused("Z", "-", "optional", "SELinux contexts"),
];

/** The long options, which lsof does not have. */
export const lsofWords: Readonly<Record<string, LsofOption>> = Object.fromEntries(
  Object.entries(longOptions).map(([name, { brief, change }]) => [`--${name}`, flag("", brief, change)]),
);
