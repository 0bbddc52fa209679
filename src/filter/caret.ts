/** The place of a mistake, shown below the line that it is in. */
import { type FilterSource, type Place, sourceText } from "./words.ts";

/** Characters that a terminal would obey, or that would turn or hide their neighbours. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** What is shown in the place of one character. A tab is a blank between words, and as wide as one here. */
function shownAs(character: string): string {
  if (character === "\t") return " ";
  if (!UNPRINTABLE.test(character)) return character;
  const code = character.codePointAt(0)!.toString(16);
  return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`;
}

/** Lines of text fit for a terminal. */
export function printable(text: string): string {
  return Array.from(text, (character) => (character === "\n" ? character : shownAs(character))).join("");
}

/** Where the line begins and ends that a place is in: all arguments are one line, a file has many. */
function lineAround(text: string, offset: number, fileStart: number): readonly [start: number, end: number] {
  if (offset < fileStart) return [0, fileStart - 1];
  const end = text.indexOf("\n", offset);
  return [text.slice(0, offset).lastIndexOf("\n") + 1, end < 0 ? text.length : end];
}

/** What is shown of some characters, and how many columns it takes. */
interface Piece {
  readonly text: string;
  readonly width: number;
}

/** Shows characters, as many as there is room for from the `kept` end on. */
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

/** How many columns of a terminal a text takes. */
export type WidthOf = (text: string) => number;

/**
 * The line of a filter that a place is in, and below it carets under the place. A mistake at the end is shown behind
 * the last word.
 *
 * @param columns of the terminal; of a longer line what is around the place is shown
 */
export function pointOut(source: FilterSource, place: Place, columns: number, widthOf: WidthOf): string {
  const text = sourceText(source);
  const args = source.args.join(" ").length;
  const fileStart = source.args.length > 0 || source.file === undefined ? args + 1 : 0;
  const offset = place.length === 0 ? text.trimEnd().length : place.offset;
  const [start, end] = lineAround(text, offset, fileStart);
  const wordEnd = Math.min(end, offset + place.length);
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
