/** The table of chosen columns: a row a line, aligned, on a terminal as wide as that. */
import { escapeText } from "../bytes/terminal.ts";
import { type Head, type Row, valueText } from "./value.ts";

/** How the table is laid out. */
export interface ColumnsTableOptions {
  readonly header: boolean;
  /** Columns of the terminal that it must fit; undefined if nothing is to be cut. */
  readonly screen: number | undefined;
  /** Takes UTF-8 text as it is ready. */
  readonly write: (bytes: Uint8Array) => void;
}

/** What stands for a value that is not there. */
const ABSENT = "-";
/** What stands for the rest of a text that was cut. */
const CUT = "…";
/** Texts are not cut below this many characters. */
const NARROWEST = 8;
const GAP = " ";

const encoder = new TextEncoder();

/** Characters of a text, as a terminal counts most of them. */
function widthOf(text: string): number {
  let width = 0;
  for (const _ of text) width++;
  return width;
}

/** The text in exactly `width` characters, cut if it is longer. */
function fit(text: string, width: number, right: boolean): string {
  const blanks = width - widthOf(text);
  if (blanks < 0) return [...text].slice(0, width - CUT.length).join("") + CUT;
  return right ? " ".repeat(blanks) + text : text + " ".repeat(blanks);
}

function heading({ name, unit }: Head): string {
  return unit === undefined ? name : `${name}(${unit})`;
}

/** Writes rows in aligned columns. Control characters are `\xNN`, so that a row is a line. */
export class ColumnsTable {
  readonly #heads: readonly Head[];
  readonly #options: ColumnsTableOptions;
  /** Longest cell of each column so far. */
  readonly #longest: number[];
  #lines: string[][] = [];

  constructor(heads: readonly Head[], options: ColumnsTableOptions) {
    this.#heads = heads;
    this.#options = options;
    this.#longest = heads.map(() => 0);
    if (options.header) this.#add(heads.map(heading));
  }

  /** Adds one row. */
  write(row: Row): void {
    this.#add(
      row.map((value) => (value === undefined ? ABSENT : escapeText(valueText(value, ","))) || ABSENT),
    );
  }

  /** Lays out and hands on all rows so far; widths do not shrink afterwards. */
  flush(): void {
    if (this.#lines.length === 0) return;
    const widths = this.#fitted();
    const last = this.#heads.length - 1;
    const lines = this.#lines.map((cells) =>
      cells
        .map((cell, column) => {
          const { numeric } = this.#heads[column]!;
          // Nothing but a cut is due to the last of a line: no blanks at its end.
          const width =
            column === last && !numeric ? Math.min(widths[column]!, widthOf(cell)) : widths[column]!;
          return fit(cell, width, numeric);
        })
        .join(GAP),
    );
    this.#options.write(encoder.encode(`${lines.join("\n")}\n`));
    this.#lines = [];
  }

  #add(cells: string[]): void {
    cells.forEach((cell, column) => {
      this.#longest[column] = Math.max(this.#longest[column]!, widthOf(cell));
    });
    this.#lines.push(cells);
  }

  /**
   * The widths on this screen. What is too wide is taken from texts, always from the widest, of equal ones from the
   * last; a number that is cut would be another number.
   */
  #fitted(): readonly number[] {
    const { screen } = this.#options;
    const widths = [...this.#longest];
    if (screen === undefined) return widths;
    const width = () => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
    for (let excess = width() - screen; excess > 0; excess--) {
      let widest = -1;
      this.#heads.forEach(({ numeric }, column) => {
        if (!numeric && widths[column]! > NARROWEST && widths[column]! >= (widths[widest] ?? 0))
          widest = column;
      });
      if (widest < 0) break;
      widths[widest]!--;
    }
    return widths;
  }
}
