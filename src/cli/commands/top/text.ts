/** Text that fits: no control character, and no more columns than there are. */
import { printable } from "../../../filter/caret.ts";

/** Text of one column a character, which most is. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Strangers' text as a terminal may have it. */
export function safe(text: string): string {
  return PLAIN.test(text) ? text : printable(text).replaceAll("\n", "\\x0a");
}

/** Columns that a text takes. */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : Bun.stringWidth(text);
}

/** A text cut to a width, with `…` or `~` in the place of what is missing. */
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

/** An address with a port cut to a width: it is the address that is cut, as the port tells more. */
export function cutEnd(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const colon = text.lastIndexOf(":");
  const port = colon < 0 ? "" : text.slice(colon);
  if (widthOf(port) >= width - 1) return cut(text, width);
  return cut(text.slice(0, text.length - port.length), width - widthOf(port)) + port;
}
