/**
 * Where the words of a filter come from: the command line's arguments, then the lines of a filter file. Each is
 * split at blanks and tabs; a backslash goes away and makes a letter of whatever follows it.
 */
import { EXIT_USAGE, FilterError } from "./errors.ts";

/** The text of a filter, as it was given. */
export interface FilterSource {
  /** Arguments left after options and state words. */
  readonly args: readonly string[];
  /** What the filter file holds. */
  readonly file?: Uint8Array | undefined;
}

/** Where something stands in the text of a filter. */
export interface Place {
  /** UTF-16 code units from the start. */
  readonly offset: number;
  /** UTF-16 code units. */
  readonly length: number;
}

/** One word, with its backslashes taken out. */
export interface Word extends Place {
  readonly text: string;
}

const NEWLINE = 0x0a;
/** ss reads lines into 1024 bytes and takes one that fills them, newline included, for too long. */
const LINE_LIMIT = 1022;
/** First bytes of lines that are passed over: comments, and (ss's doing) anything that begins with a zero. */
const SKIPPED = new Set([0x23, 0x30]);

// A byte order mark is text, as it is for ss, and so that offsets are those of the whole.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** All of a filter as one text, which the offsets of words and errors refer to. */
export function sourceText({ args, file }: FilterSource): string {
  const line = args.join(" ");
  if (file === undefined) return line;
  return `${line}${args.length > 0 ? "\n" : ""}${decoder.decode(file)}`;
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

/** The words of one argument or line, which begins at `base`. */
function* split(line: string, base: number): Generator<Word> {
  let at = 0;
  while (true) {
    while (isBlank(line[at])) at++;
    if (at >= line.length) return;
    const start = at;
    let text = "";
    while (at < line.length && !isBlank(line[at])) {
      if (line[at] === "\\") at++;
      text += line[at++] ?? "";
    }
    at = Math.min(at, line.length);
    yield { text, offset: base + start, length: at - start };
  }
}

function* fileWords(file: Uint8Array, base: number): Generator<Word> {
  let offset = base;
  for (let start = 0; start < file.length; ) {
    const newline = file.indexOf(NEWLINE, start);
    const next = newline < 0 ? file.length : newline + 1;
    const line = decoder.decode(file.subarray(start, newline < 0 ? next : newline));
    if (next - start > LINE_LIMIT)
      throw new FilterError({
        lines: ["Too long line in filter"],
        status: EXIT_USAGE,
        place: { offset, length: line.length },
        expected: `a line of at most ${LINE_LIMIT} bytes`,
      });
    if (!SKIPPED.has(file[start]!)) yield* split(line, offset);
    offset += line.length + 1;
    start = next;
  }
}

/**
 * The words of a filter, in order, each made when it is asked for: what is wrong further on is found only by who
 * gets there.
 *
 * @throws FilterError for a line that is too long
 */
export function* filterWords(source: FilterSource): Generator<Word> {
  let base = 0;
  for (const arg of source.args) {
    yield* split(arg, base);
    base += arg.length + 1;
  }
  if (source.file !== undefined) yield* fileWords(source.file, base);
}
