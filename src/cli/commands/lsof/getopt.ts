/** Parses command lines as lsof does: letters after `-` or `+`, some with a value that may be left out. */

/** Whether an option takes a value, and where it may stand. */
export type ValueRule =
  /** None. */
  | "none"
  /** The rest of the argument, or else the next argument, whatever that is. */
  | "required"
  /** The rest of the argument, or else the next argument unless that is an option. */
  | "optional"
  /** The digits that follow; options go on behind them. */
  | "number"
  /** The rest of the argument. */
  | "attached";

/** What the parser needs to know of an option. */
export interface OptionShape {
  readonly letter: string;
  /** Which signs it may stand behind. */
  readonly signs: "-" | "+" | "-+";
  readonly value: ValueRule;
}

/** An option as it was given. */
export interface GivenOption<Row> {
  readonly row: Row;
  readonly sign: "-" | "+";
  /** undefined if it was left out. */
  readonly value: string | undefined;
}

/** A command line parsed. */
export interface LsofLine<Row> {
  readonly options: readonly GivenOption<Row>[];
  /** Names of files. */
  readonly names: readonly string[];
  /** What is wrong, in lsof's words. */
  readonly error?: string;
}

function isOption(arg: string | undefined): boolean {
  return arg !== undefined && (arg.startsWith("-") || arg.startsWith("+"));
}

/** A value, and what remains of the argument that its letter is in. */
interface TakenValue {
  readonly value: string | undefined;
  readonly rest: string;
}

/** Digits, attached or in the next argument. */
function takeNumber(rest: string, args: string[]): TakenValue {
  const text = rest === "" && /^\d/.test(args[0] ?? "") ? args.shift()! : rest;
  const value = /^\d+/.exec(text)?.[0];
  return { value, rest: text.slice(value?.length ?? 0) };
}

/** The value of an option. Removes it from the arguments if it is the next one. */
function takeValue(rule: ValueRule, rest: string, args: string[]): TakenValue {
  if (rule === "none") return { value: undefined, rest };
  if (rule === "number") return takeNumber(rest, args);
  if (rest !== "") return { value: rest, rest: "" };
  const takesNext = rule === "required" || (rule === "optional" && !isOption(args[0]));
  return { value: takesNext ? args.shift() : undefined, rest: "" };
}

/** Parses arguments. @param words the long options, which lsof does not have */
export function parseArguments<Row extends OptionShape>(
  rows: readonly Row[],
  words: Readonly<Record<string, Row>>,
  args: readonly string[],
): LsofLine<Row> {
  const options: GivenOption<Row>[] = [];
  const left = [...args];
  while (isOption(left[0]) && left[0]!.length > 1) {
    const arg = left.shift()!;
    if (arg === "--") break;
    if (Object.hasOwn(words, arg)) {
      options.push({ row: words[arg]!, sign: "-", value: undefined });
      continue;
    }
    const sign = arg[0] as "-" | "+";
    let rest = arg.slice(1);
    while (rest !== "") {
      const letter = rest[0]!;
      const row = rows.find((each) => each.letter === letter && each.signs.includes(sign));
      if (row === undefined) return { options, names: left, error: `illegal option character: ${letter}` };
      const taken = takeValue(row.value, rest.slice(1), left);
      if (taken.value === undefined && row.value === "required")
        return { options, names: [], error: `${sign}${letter} requires a value` };
      options.push({ row, sign, value: taken.value });
      rest = taken.rest;
    }
  }
  return { options, names: left };
}
