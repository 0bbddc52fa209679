/** Parses command lines like getopt_long(3): bundles, unique prefixes, options after words, `--`. */
import { decodeBytes, encodeBytes } from "../bytes/text.ts";
import type { Shell } from "./completions/shells.ts";

/** Why a run ends before it lists sockets. */
export type Stop =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "man" }
  | { readonly kind: "licenses" }
  | { readonly kind: "columns" }
  | { readonly kind: "completions"; readonly shell: Shell }
  | {
      readonly kind: "error";
      /** One line for standard error, without its newline. */
      readonly message: string;
      /** Whether the usage follows the message. */
      readonly usage: boolean;
      /** Exit status. */
      readonly status: number;
    };

const stopKinds: ReadonlySet<string> = new Set([
  "help",
  "version",
  "man",
  "licenses",
  "columns",
  "completions",
  "error",
]);

/** Whether a value is the end of the run, and not what the run goes on with. */
export function isStop(value: object): value is Stop {
  const { kind } = value as { kind?: unknown };
  return typeof kind === "string" && stopKinds.has(kind);
}

/** ss's exit status for a command line that cannot be understood. */
export const EXIT_USAGE = 255;

/** A command line that cannot be understood. @param message one line, without its newline */
export function usageError(message: string): Extract<Stop, { kind: "error" }> {
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** What getopt needs to know of an option. */
export interface OptionNames {
  /** Its letters. */
  readonly shorts?: string;
  /** Its long names, without dashes. */
  readonly longs: readonly string[];
  /** Present if it takes a value. */
  readonly value?: object;
  /** Requires long names in full: prefixes do not select the option, and do not make others ambiguous. */
  readonly inFull?: boolean;
}

/** An option on the command line. `value` is empty if the option takes none. */
export interface Step<Row> {
  readonly row: Row;
  readonly value: string;
}

/** A parsed command line. */
export interface CommandLine<Row> {
  /** The options in order, up to the error. */
  readonly steps: readonly Step<Row>[];
  /** The other words, in order. */
  readonly words: readonly string[];
  readonly error?: Stop;
}

/** Settings of the parser. */
export interface GetoptSettings {
  /** The name that messages begin with. */
  readonly program: string;
  /** Whether the first word ends the options (POSIXLY_CORRECT). */
  readonly firstWordEnds: boolean;
  /** Arguments that are words although they begin with a dash, such as `-2h` where times are expected. */
  readonly dashedWords?: RegExp | undefined;
}

/** The text of an error; undefined if there is none. */
type Complaint = string | undefined;

/** The long names that `name` may mean: one if it is exact, or a prefix of names of one option only. */
function candidates<Row extends OptionNames>(
  rows: readonly Row[],
  name: string,
): { row: Row; long: string }[] {
  const exact = rows.find(({ longs }) => longs.includes(name));
  if (exact !== undefined) return [{ row: exact, long: name }];
  const all = rows.flatMap((row) => row.longs.map((long) => ({ row, long })));
  const [first, ...others] = all.filter(({ row, long }) => !row.inFull && long.startsWith(name));
  return first ? [first, ...others.filter(({ row }) => row !== first.row)] : [];
}

/** Parses `args`, which start behind the program's name. Never throws. */
export function getopt<Row extends OptionNames>(
  rows: readonly Row[],
  args: readonly string[],
  { program, firstWordEnds, dashedWords }: GetoptSettings,
): CommandLine<Row> {
  const steps: Step<Row>[] = [];
  const words: string[] = [];
  let next = 0;

  /** Records an option with its attached value, or else with the next argument, whatever that looks like. */
  function take(row: Row, attached: string | undefined, missing: string): Complaint {
    const value = attached ?? (row.value ? args[next++] : "");
    if (value === undefined) return missing;
    steps.push({ row, value });
    return undefined;
  }

  function takeLong(arg: string): Complaint {
    const [name, attached] = split(arg.slice("--".length));
    const found = candidates(rows, name);
    if (found.length > 1) {
      const possibilities = found.map(({ long }) => `'--${long}'`).join(" ");
      return `option '${arg}' is ambiguous; possibilities: ${possibilities}`;
    }
    const [option] = found;
    if (!option) return `unrecognized option '${arg}'`;
    const { row, long } = option;
    if (attached !== undefined && !row.value) return `option '--${long}' doesn't allow an argument`;
    return take(row, attached, `option '--${long}' requires an argument`);
  }

  function rowOf(letter: string): Row | undefined {
    for (const row of rows) if (row.shorts?.includes(letter)) return row;
    return undefined;
  }

  function takeBundle(arg: string): Complaint {
    let rest = arg.slice("-".length);
    while (rest !== "") {
      const letter = String.fromCodePoint(rest.codePointAt(0)!);
      const row = rowOf(letter);
      if (!row) return `invalid option -- '${firstByte(letter)}'`;
      rest = rest.slice(letter.length);
      if (row.value) return take(row, rest || undefined, `option requires an argument -- '${letter}'`);
      steps.push({ row, value: "" });
    }
    return undefined;
  }

  while (next < args.length) {
    const arg = args[next]!;
    const isWord = arg === "-" || !arg.startsWith("-") || dashedWords?.test(arg) === true;
    if (isWord && firstWordEnds) break;
    next++;
    if (arg === "--") break;
    if (isWord) {
      words.push(arg);
      continue;
    }
    const complaint = arg.startsWith("--") ? takeLong(arg) : takeBundle(arg);
    if (complaint !== undefined) {
      const message = `${program}: ${complaint}`;
      return { steps, words, error: { kind: "error", message, usage: true, status: EXIT_USAGE } };
    }
  }
  return { steps, words: [...words, ...args.slice(next)] };
}

/** The first byte of a character: getopt reads options byte by byte. */
function firstByte(letter: string): string {
  return decodeBytes(encodeBytes(letter).subarray(0, 1));
}

/** Splits a long option into its name and the value behind `=`. */
function split(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}
