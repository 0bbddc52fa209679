/** Shows a mistake: the line, and carets below the wrong word. */
import { encodeBytes } from "../bytes/text.ts";
import type { FilterPosition } from "./errors.ts";
import { type FilterSource, sourceText } from "./source.ts";

/** Control characters, characters that reverse or hide text, and bytes that are not UTF-8. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** The printable form of a character. A tab becomes a blank, so that it has a known width. */
function shownAs(character: string): string {
  if (character === "\t") return " ";
  if (!UNPRINTABLE.test(character)) return character;
  const bytes = encodeBytes(character);
  const code = (bytes.length === 1 ? bytes[0]! : character.codePointAt(0)!).toString(16);
  return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`;
}

/** Escapes control characters, so that text is safe on a terminal. Newlines stay. */
export function printable(text: string): string {
  return Array.from(text, (character) => (character === "\n" ? character : shownAs(character))).join("");
}

/** The range of the line around an offset. All arguments together are one line. */
function lineAround(text: string, offset: number, fileStart: number): readonly [start: number, end: number] {
  if (offset < fileStart) return [0, fileStart - 1];
  const end = text.indexOf("\n", offset);
  return [text.slice(0, offset).lastIndexOf("\n") + 1, end < 0 ? text.length : end];
}

/** Printable text and its width in columns. */
interface Piece {
  readonly text: string;
  readonly width: number;
}

/** Shows as many characters as fit into `room` columns, from the `kept` end. */
function piece(characters: string, room: number, kept: "start" | "end", widthOf: WidthOf): Piece {
  const all = Array.from(characters, shownAs);
  if (kept === "end") all.reverse();
  const whole = all.reduce((sum, text) => sum + widthOf(text), 0);
  const shown: string[] = [];
  let width = 0;
  for (const text of all) {
    const next = width + widthOf(text);
    if (whole > room && next > room - 1) break;
    shown.push(text);
    width = next;
  }
  if (whole > room) {
    shown.push("…");
    width++;
  }
  if (kept === "end") shown.reverse();
  return { text: shown.join(""), width };
}

/** Measures text in terminal columns. */
export type WidthOf = (text: string) => number;

/**
 * The line of a filter with carets below a position. A mistake at the end of the filter is shown behind the last word.
 *
 * @param columns width of the terminal; a longer line is cut around the position
 */
export function pointOut(
  source: FilterSource,
  position: FilterPosition,
  columns: number,
  widthOf: WidthOf,
): string {
  const text = sourceText(source);
  const args = source.args.join(" ").length;
  const fileStart = source.args.length > 0 || source.file === undefined ? args + 1 : 0;
  const offset = position.length === 0 ? text.trimEnd().length : position.offset;
  const [start, end] = lineAround(text, offset, fileStart);
  const wordEnd = Math.min(end, offset + position.length);
  const show = (from: number, to: number, room: number, kept: "start" | "end") =>
    piece(text.slice(from, to), Math.max(1, room), kept, widthOf);
  const fits = show(start, end, Number.POSITIVE_INFINITY, "start").width < columns;
  const room = fits ? columns : columns >> 1;
  const word = show(offset, wordEnd, room, "start");
  const before = show(start, offset, fits ? columns : (columns - word.width) >> 1, "end");
  const after = show(wordEnd, end, columns - before.width - word.width - 1, "start");
  const carets = "^".repeat(Math.max(1, word.width));
  return `${before.text}${word.text}${after.text}\n${" ".repeat(before.width)}${carets}`;
}
