/** The table of chosen columns: one line per row, aligned, fitted to the terminal's width. */
import { escapeText } from "../bytes/terminal.ts";
import { type Head, type Row, valueText } from "./value.ts";

/** Layout and output of the table. */
export interface ColumnsTableOptions {
  readonly header: boolean;
  /** Width of the terminal; undefined to cut nothing. */
  readonly screen: number | undefined;
  /** Receives UTF-8 text as it becomes ready. */
  readonly write: (bytes: Uint8Array) => void;
}

/** Shown for an absent value. */
const ABSENT = "-";
/** Marks the end of a text that was cut. */
const CUT = "…";
/** Minimum width of a text column, in characters. */
const NARROWEST = 8;
const GAP = " ";

const encoder = new TextEncoder();

/** Width of a text in terminal cells, approximated by its number of characters. */
function widthOf(text: string): number {
  let width = 0;
  for (const _ of text) width++;
  return width;
}

/** The text padded or cut to exactly `width` characters. */
function fit(text: string, width: number, right: boolean): string {
  const blanks = width - widthOf(text);
  if (blanks < 0) return [...text].slice(0, width - CUT.length).join("") + CUT;
  return right ? " ".repeat(blanks) + text : text + " ".repeat(blanks);
}

function heading({ name, unit }: Head): string {
  return unit === undefined ? name : `${name}(${unit})`;
}

/** Writes rows in aligned columns. Control characters are `\xNN`, so that each row is one line. */
export class ColumnsTable {
  readonly #heads: readonly Head[];
  readonly #options: ColumnsTableOptions;
  /** Width of the longest cell of each column so far. */
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

  /** Lays out and writes all rows so far. Later rows keep at least these widths. */
  flush(): void {
    if (this.#lines.length === 0) return;
    const widths = this.#fitted();
    const last = this.#heads.length - 1;
    const lines = this.#lines.map((cells) =>
      cells
        .map((cell, column) => {
          const { numeric } = this.#heads[column]!;
          // The last cell of a line is cut but not padded, so that no line ends in blanks.
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
   * The widths that fit this screen. Shortens text columns, always the widest, and the last of equally wide ones.
   * Numbers are never cut, because a cut number would be another number.
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
