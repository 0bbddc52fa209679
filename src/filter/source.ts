/**
 * The words of a filter: first those of the command line's arguments, then those of the filter file's lines. Blanks and
 * tabs separate words. A backslash quotes the character behind it.
 */
import { decodeBytes } from "../bytes/text.ts";
import { FilterError, type FilterPosition } from "./errors.ts";

/** A filter as it was typed. */
export interface FilterSource {
  /** The arguments behind options and states; bytes that are not UTF-8 as `decodeBytes` gives them. */
  readonly args: readonly string[];
  /** The contents of the filter file. */
  readonly file?: Uint8Array | undefined;
}

/** One word, without its backslashes. */
export interface FilterWord extends FilterPosition {
  readonly text: string;
}

const NEWLINE = 0x0a;
/** ss has a buffer of 1024 bytes for a line, and refuses a line that fills it with its newline. */
const LINE_LIMIT = 1022;
/** First bytes of skipped lines: `#` begins a comment, and so does `0` in ss. */
const SKIPPED = new Set([0x23, 0x30]);

/** The whole filter as one text: positions of words and mistakes are offsets in it. */
export function sourceText({ args, file }: FilterSource): string {
  const line = args.join(" ");
  if (file === undefined) return line;
  return `${line}${args.length > 0 ? "\n" : ""}${decodeBytes(file)}`;
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

/** The words of one argument or line. @param base its offset in the whole text */
function* split(line: string, base: number): Generator<FilterWord> {
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

function* fileWords(file: Uint8Array, base: number): Generator<FilterWord> {
  let offset = base;
  for (let start = 0; start < file.length; ) {
    const newline = file.indexOf(NEWLINE, start);
    const next = newline < 0 ? file.length : newline + 1;
    const line = decodeBytes(file.subarray(start, newline < 0 ? next : newline));
    if (next - start > LINE_LIMIT)
      throw new FilterError({
        kind: "longLine",
        position: { offset, length: line.length },
        expected: `a line of at most ${LINE_LIMIT} bytes`,
      });
    if (!SKIPPED.has(file[start]!)) yield* split(line, offset);
    offset += line.length + 1;
    start = next;
  }
}

/** The words of a filter, read as they are taken. @throws FilterError at a line that is too long */
export function* filterWords(source: FilterSource): Generator<FilterWord> {
  let base = 0;
  for (const arg of source.args) {
    yield* split(arg, base);
    base += arg.length + 1;
  }
  if (source.file !== undefined) yield* fileWords(source.file, base);
}
