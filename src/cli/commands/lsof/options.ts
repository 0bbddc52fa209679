/** The options of lsof for sockets, with their effects, and the options that are refused. lsof(8). */
import type { Services } from "../../../enrich/services.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import type { OptionShape, ValueRule } from "./getopt.ts";
import { readTerm, TermError } from "./internet.ts";
import { longOptions } from "./long-options.ts";
import type { Chosen, CommandTerm, DescriptorRange, LsofSettings, Repeat } from "./settings.ts";
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
function chosen<T>(before: Chosen<T>, list: string, what: string, read: (word: string) => T): Chosen<T> {
  const include = new Set(before.include);
  const exclude = new Set(before.exclude);
  for (const word of list.split(",")) {
    if (word === "") continue;
    if (word.startsWith("^")) exclude.add(read(word.slice(1)));
    else include.add(read(word));
  }
  const both = [...include].find((each) => exclude.has(each));
  if (both !== undefined) throw new LsofError(`${what} ${both} has been included and excluded.`);
  return { include: [...include], exclude: [...exclude] };
}

function numberOr(message: string): (word: string) => number {
  return (word) => {
    if (!/^\d+$/.test(word)) throw new LsofError(`${message}: ${word}`);
    return Number(word);
  };
}

/** No descriptor has this number: names of other files (`cwd`, `txt`) stand for it. */
const NO_DESCRIPTOR = -1;

function descriptorRange(word: string): DescriptorRange {
  const range = /^(.+)-(.*)$/.exec(word);
  if (range !== null) {
    const [, low, high] = range;
    if (!/^\d+$/.test(low!) || !/^\d*$/.test(high!)) throw new LsofError(`non-digit in -d FD range: ${word}`);
    if (Number(low) >= Number(high)) throw new LsofError(`-d FD range's low >= its high: ${word}`);
    return [Number(low), Number(high)];
  }
  if (word.startsWith("-")) throw new LsofError(`illegal FD range for -d: ${word}`);
  const number = /^\d+$/.test(word) ? Number(word) : NO_DESCRIPTOR;
  return [number, number];
}

function chosenDescriptors(before: Chosen<DescriptorRange>, list: string): Chosen<DescriptorRange> {
  if (list === "") throw new LsofError("no file descriptor specified");
  let { include, exclude } = before;
  for (const word of list.split(",")) {
    if (word === "") continue;
    const excludes = word.startsWith("^");
    if (excludes && include.length > 0) throw new LsofError(`exclude in an include -d list: ${word}`);
    if (!excludes && exclude.length > 0) throw new LsofError(`include in an exclude -d list: ${word}`);
    if (excludes) exclude = [...exclude, descriptorRange(word.slice(1))];
    else include = [...include, descriptorRange(word)];
  }
  return { include, exclude };
}

function commandTerm(value: string): CommandTerm {
  const exclude = value.startsWith("^");
  const text = exclude ? value.slice(1) : value;
  // lsof takes no regular expression behind ^: it is a name that begins with a slash.
  const regular = exclude ? null : /^\/(.*)\/([bix]*)$/s.exec(text);
  if (regular === null) return { text, exclude, isRegular: false, matches: (name) => name.startsWith(text) };
  const [, source, modifiers] = regular as unknown as readonly [string, string, string];
  try {
    const pattern = new RegExp(source, modifiers.includes("i") ? "i" : "");
    return { text: source, exclude, isRegular: true, matches: (name) => pattern.test(name) };
  } catch {
    throw new LsofError(`regexp error: ${text}: Invalid regular expression`);
  }
}

function withCommand(settings: LsofSettings, value: string): LsofSettings {
  const { commands } = settings;
  const term = commandTerm(value);
  const opposite = commands.some(
    ({ text, exclude, isRegular }) =>
      text === term.text && exclude !== term.exclude && !isRegular && !term.isRegular,
  );
  if (opposite) throw new LsofError(`-c^${term.text} and -c${term.text} conflict.`);
  return { ...settings, commands: [...commands, term] };
}

function readStates(before: Chosen<string>, value: string): Chosen<string> {
  const match = /^([^:]*):(.*)$/s.exec(value);
  const protocol = match?.[1]?.toUpperCase();
  if (protocol === "UDP") throw new LsofError(`no UDP state names available: ${value}`);
  if (protocol !== "TCP") throw new LsofError(`unknown -s protocol: "${value}"`);
  const include = [...before.include];
  const exclude = [...before.exclude];
  const words = match![2]!;
  if (words === "") throw new LsofError(`no TCP state names in: ${value}`);
  for (const word of words.split(",")) {
    if (word === "") throw new LsofError(`NULL TCP state name in: ${value}`);
    const excludes = word.startsWith("^");
    const typed = excludes ? word.slice(1) : word;
    const name = typed.toUpperCase();
    if (!stateNumbers.has(name)) throw new LsofError(`unknown TCP state name: ${typed}`);
    const [list, other] = excludes ? [exclude, include] : [include, exclude];
    if (other.includes(name)) throw new LsofError(`can't include and exclude TCP state: ${typed}`);
    if (list.includes(name))
      throw new LsofError(`duplicate TCP ${excludes ? "exclusion" : "inclusion"}: ${typed}`);
    list.push(name);
  }
  return { include, exclude };
}

function readRepeat(value: string, sign: "-" | "+"): Repeat {
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
    brief: "IP sockets, all or those of a term; may be repeated",
    apply(settings, value, _sign, { services }) {
      const { allInternet, allFamily, internet } = settings;
      if (value === undefined) return { ...settings, allInternet: true, allFamily: undefined };
      if (value === "4" || value === "6") {
        const family = value === "4" ? AF_INET : AF_INET6;
        const both = allInternet && allFamily !== undefined && allFamily !== family;
        return { ...settings, allInternet: true, allFamily: both ? undefined : family };
      }
      try {
        return { ...settings, internet: [...internet, readTerm(value, services, allFamily)] };
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
      pids: chosen(settings.pids, value!, "PID", numberOr("illegal process ID")),
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
          : chosen(settings.pgids, value, "PGID", numberOr("illegal process group ID")),
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
      uids: chosen(settings.uids, value!, "UID", (word) => {
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
    brief: "Processes by the start of the name, or /REGEXP/[bix]",
    apply: (settings, value) => withCommand(settings, value!),
  },
  {
    letter: "d",
    signs: "-",
    value: "required",
    valueName: "FDS",
    brief: "Descriptors by number or range",
    apply: (settings, value) => ({
      ...settings,
      fds: chosenDescriptors(settings.fds ?? { include: [], exclude: [] }, value!),
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
    brief: "TCP details in NAME: queues, state; no letter: none",
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
      const letters = value.replaceAll("0", "");
      const { fields: before } = settings;
      const fields = letters === "" || before === "" ? "" : (before ?? "") + letters;
      // TCP information is all shown again, unless a later -T says otherwise.
      const tcpInfo = letters === "" || letters.includes("T") ? undefined : settings.tcpInfo;
      const format = settings.format === "json" || settings.format === "ndjson" ? settings.format : "fields";
      const flags = settings.flags === undefined ? undefined : "numbers";
      return { ...settings, format, fields, tcpInfo, flags, nul: settings.nul || value.includes("0") };
    },
  },
  flag("J", "One JSON object, with the keys of lsof 4.99", { format: "json" }),
  flag("j", "JSON, one object per line", { format: "ndjson" }),
  flag("Q", "Exit with 0 even if something was not found", { quiet: true }),
  flag("V", "Say what was not found", { verbose: true }),
  {
    letter: "r",
    signs: "-+",
    value: "optional",
    valueName: "[SECONDS][cCOUNT][mFORMAT]",
    brief: "Repeat (15s); with + until nothing is found",
    apply(settings, value = "", sign) {
      const repeat = readRepeat(value, sign);
      const { count, marker } = repeat;
      // lsof reads a count at the end as the option -c, too.
      const chosen =
        count !== undefined && marker === undefined ? withCommand(settings, String(count)) : settings;
      return { ...chosen, repeat };
    },
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
    brief: "With +: descriptor flags as names (g) or numbers (G)",
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
