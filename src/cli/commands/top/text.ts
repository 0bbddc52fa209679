/** Text that fits: no control characters, and no more columns than there are. */
import { printable } from "../../../filter/caret.ts";

/** Text of one column a character, which most is. */
const PLAIN = /^[\x20-\x7e]*$/;

/** A text that others chose, without anything that a terminal would obey. */
export function safe(text: string): string {
  return PLAIN.test(text) ? text : printable(text).replaceAll("\n", "\\x0a");
}

/** Columns that a text takes. */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : Bun.stringWidth(text);
}

/** A text cut to a width, with an ellipsis in place of the rest. */
export function cut(text: string, width: number, ellipsis = "…"): string {
  if (widthOf(text) <= width) return text;
  if (width <= 0) return "";
  let taken = "";
  let columns = 0;
  for (const character of text) {
    const next = widthOf(character);
    if (columns + next > width - 1) break;
    taken += character;
    columns += next;
  }
  return taken + ellipsis;
}

/** A text cut and filled up to a width. */
export function fit(text: string, width: number, align: "left" | "right" = "left"): string {
  const shown = cut(text, width);
  const blank = " ".repeat(Math.max(0, width - widthOf(shown)));
  return align === "left" ? shown + blank : blank + shown;
}

/** A text cut to a width in its middle: what differs between the addresses of one network stands at their ends. */
function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 5 || !PLAIN.test(text)) return cut(text, width);
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/** An address with a port cut to a width: the port stays whole, and the address loses its middle. */
export function cutEnd(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const colon = text.lastIndexOf(":");
  const port = colon < 0 ? "" : text.slice(colon);
  if (widthOf(port) >= width - 1) return cut(text, width);
  return cutMiddle(text.slice(0, text.length - port.length), width - widthOf(port)) + port;
}

/** A text in lines no wider than a width, broken between words. */
export function wrappedText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
