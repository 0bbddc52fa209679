/** Lines of a view: pieces of text with a style each. A terminal maps styles to colours. */

/** The style of a piece of text, named by its meaning. */
export type Style =
  | "plain"
  | "title"
  | "heading"
  | "sorted"
  | "chosen"
  | "faint"
  | "received"
  | "sent"
  | "warning"
  | "key";

/** A piece of text. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

/** A line. */
export type Line = readonly Span[];

/** A piece of text. */
export function span(text: string, style: Style = "plain"): Span {
  return { text, style };
}

/** A line without its styles. */
export function plainText(line: Line): string {
  return line.map(({ text }) => text).join("");
}

/** SGR parameters of each style: with the terminal's own colours, which fit its background. ECMA-48 8.3.117. */
const attributes: Readonly<Record<Style, readonly number[]>> = {
  plain: [],
  title: [1],
  heading: [7],
  sorted: [7, 1],
  chosen: [7],
  faint: [2],
  received: [32],
  sent: [35],
  warning: [1, 31],
  key: [1],
};
/** Foreground colours. */
const isColour = (parameter: number) => parameter >= 30 && parameter <= 37;

/** A line with its escape sequences. @param colour whether to use colours; bold, faint and inverse are used anyway */
export function painted(line: Line, colour: boolean): string {
  return line
    .map(({ text, style }) => {
      const parameters = attributes[style].filter((parameter) => colour || !isColour(parameter));
      return parameters.length === 0 ? text : `\x1b[${parameters.join(";")}m${text}\x1b[0m`;
    })
    .join("");
}
