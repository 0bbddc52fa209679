/** Lines of labels and values that fit a screen. */
import { widthOf } from "../top/text.ts";

const INDENT = 2;
const LABEL = 11;
/** Columns that a value has at least, however narrow the screen. */
const LEAST = 12;

/** Breaks a word into pieces that fit. */
function pieces(word: string, room: number): string[] {
  const parts: string[] = [];
  let part = "";
  let width = 0;
  for (const character of word) {
    const columns = widthOf(character);
    if (width + columns > room && part !== "") {
      parts.push(part);
      part = "";
      width = 0;
    }
    part += character;
    width += columns;
  }
  return [...parts, part];
}

/** Breaks text at blanks into lines of at most `room` columns. */
export function wrapText(text: string, room: number): string[] {
  return wrapWords(text.split(" "), room);
}

/** Fills lines of at most `room` columns. Breaks inside a word only if it has no room on a line of its own. */
function wrapWords(words: readonly string[], room: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.flatMap((each) => (widthOf(each) > room ? pieces(each, room) : [each]))) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= room || line === "") line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

/** A paragraph. @param columns those of the screen */
export function paragraph(text: string, columns: number, indent = 0): string {
  const room = Math.max(columns - indent, LEAST);
  return wrapText(text, room)
    .map((line) => `${" ".repeat(indent)}${line}\n`)
    .join("");
}

/** Text that breaks at blanks, or words that may have blanks in them and break only between each other. */
export type Value = string | readonly string[];

/** Values behind a label, each on lines of its own; all but the first line begin below the first value. */
export function field(label: string, values: readonly Value[], columns: number): string {
  const narrow = columns < INDENT + LABEL + 2 * LEAST;
  const start = INDENT + (narrow ? INDENT : LABEL);
  const room = Math.max(columns - start, LEAST);
  const lines = values.flatMap((value) =>
    typeof value === "string" ? wrapText(value, room) : wrapWords(value, room),
  );
  const indent = " ".repeat(start);
  const head = `${" ".repeat(INDENT)}${label}`;
  if (narrow) return `${head}\n${lines.map((line) => `${indent}${line}\n`).join("")}`;
  return lines.map((line, index) => `${index === 0 ? head.padEnd(start) : indent}${line}\n`).join("");
}
