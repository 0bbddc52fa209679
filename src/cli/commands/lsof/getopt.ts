/** Command lines as lsof takes them apart: letters behind `-` or `+`, some with a value that may be left out. */

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

/** Takes arguments apart; `words` are the long options that lsof does not have. */
export function takeApart<Row extends OptionShape>(
  rows: readonly Row[],
  words: Readonly<Record<string, Row>>,
  args: readonly string[],
): LsofLine<Row> {
  const options: GivenOption<Row>[] = [];
  let next = 0;
  while (next < args.length && isOption(args[next]) && args[next]!.length > 1) {
    const arg = args[next++]!;
    if (arg === "--") break;
    if (Object.hasOwn(words, arg)) {
      options.push({ row: words[arg]!, sign: "-", value: undefined });
      continue;
    }
    const sign = arg[0] as "-" | "+";
    let rest = arg.slice(1);
    while (rest !== "") {
      const letter = rest[0]!;
      rest = rest.slice(1);
      const row = rows.find((each) => each.letter === letter && each.signs.includes(sign));
      if (row === undefined)
        return { options, names: args.slice(next), error: `illegal option character: ${letter}` };
      let value: string | undefined;
      const takesNext = row.value === "required" || !isOption(args[next]);
      if (row.value === "number") {
        if (rest === "" && /^\d/.test(args[next] ?? "")) rest = args[next++]!;
        value = /^\d+/.exec(rest)?.[0];
        rest = rest.slice(value?.length ?? 0);
      } else if (row.value !== "none") {
        value = rest === "" ? undefined : rest;
        rest = "";
        if (value === undefined && row.value !== "attached" && takesNext && next < args.length)
          value = args[next++];
        if (value === undefined && row.value === "required")
          return { options, names: [], error: `${sign}${letter} requires a value` };
      }
      options.push({ row, sign, value });
    }
  }
  return { options, names: args.slice(next) };
}
