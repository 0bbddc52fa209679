/**
 * The layout engine of the ss table: cells as bytes, column widths from the measured cells, blanks where ss puts them.
 *
 * Cells are written into one buffer, and only their lengths are kept beside it. A batch is laid out once its buffer
 * passes the size at which ss lays one out, so memory stays bounded however many rows there are.
 */
import { keepOutOfLastTier } from "#libc";
import { OVERSHOOT, putBlanks, putCopy } from "../bytes/put.ts";
import { ascii, ByteWriter } from "../bytes/writer.ts";

/** The columns of the ss table, left to right. The first, peerProcess and container are ours, and mostly hidden. */
export const tableColumns = [
  { name: "netns", header: "Netns", right: false, delimiter: 1 },
  { name: "netid", header: "Netid", right: false, delimiter: 1 },
  { name: "state", header: "State", right: false, delimiter: 1 },
  { name: "recvQueue", header: "Recv-Q", right: false, delimiter: 1 },
  { name: "sendQueue", header: "Send-Q", right: false, delimiter: 1 },
  { name: "localAddress", header: "Local Address:", right: true, delimiter: 1 },
  { name: "localPort", header: "Port", right: false, delimiter: 0 },
  { name: "peerAddress", header: "Peer Address:", right: true, delimiter: 1 },
  { name: "peerPort", header: "Port", right: false, delimiter: 0 },
  { name: "process", header: "Process", right: false, delimiter: 0 },
  { name: "peerProcess", header: "Peer Process", right: false, delimiter: 1 },
  { name: "container", header: "Container", right: false, delimiter: 1 },
  { name: "details", header: "", right: false, delimiter: 0 },
] as const;

/** Name of a column of the ss table. */
export type TableColumn = (typeof tableColumns)[number]["name"];

/** A column as it is laid out. */
interface ColumnLayout {
  readonly name: string;
  readonly header: string;
  readonly right: boolean;
  /** Blanks before it, unless it is the first that is shown. */
  readonly delimiter: number;
}

/** The longest cell in bytes; ss cuts what is longer. */
const CELL_LIMIT = 65535;
/** ss buffers rows in chunks of this many bytes, and lays out a batch when a row begins with this many in use. */
const CHUNK_SIZE = 1_048_560;
const CHUNKS_PER_BATCH = 5;
/** Bytes that each cell takes in a chunk beside its text. */
const CELL_OVERHEAD = 2;
/** The text of a short listing fits, and that of a whole batch: the buffer grows once. Unused pages cost nothing. */
const SHORT_TEXT_SIZE = 1 << 16;
const TEXT_SIZE = 6 << 20;
/**
 * Bytes of blanks for one column of a batch. Without a limit, one cell of 64 KB (a socket that thousands of processes
 * share) would make each row as long. Columns of up to {@link WIDE_COLUMN} bytes are always padded, as in ss.
 */
const PADDING_BUDGET = 1 << 24;
const WIDE_COLUMN = 1024;
/** Output is written in pieces of about this size. */
const OUTPUT_SIZE = 1 << 18;
/** Cells from this length on are copied by the runtime, which takes two objects and more time than a short copy. */
const LONG_CELL = 4096;

const encoder = new TextEncoder();
const noNote = new Uint8Array(0);

const BLANK = 0x20;
const NEWLINE = 0x0a;

/** How a table is laid out. */
export interface TableOptions {
  /** Columns that are left out. */
  readonly hidden: ReadonlySet<TableColumn>;
  /** Heading of a column before all others, which each row begins with. */
  readonly leading?: string;
  /** Whether a header row is printed. */
  readonly header: boolean;
  /** Columns of the screen; undefined for the compact layout of a pipe. */
  readonly screen: number | undefined;
  /** Takes the text; the bytes are valid during the call only. */
  readonly write: (bytes: Uint8Array) => void;
}

/** How the cells of a batch are printed: the same for all of its rows. */
interface RowLayout {
  /** Width of each shown column, delimiter included. */
  readonly width: Uint32Array;
  /** Blanks before each column: 0 or 1. */
  readonly delimiters: Uint8Array;
  /** 1 for columns whose text stands at the right. */
  readonly rights: Uint8Array;
  /** The column that gets no blanks behind its text; -1 if there is none. */
  readonly unpadded: number;
}

/**
 * Prints a row without its newline: cells `from` to `to`, whose text begins at `start` in `source`.
 *
 * @returns the position in `output` behind it
 */
function printRow(
  output: DataView,
  at: number,
  source: ByteWriter,
  start: number,
  lengths: Uint16Array,
  from: number,
  to: number,
  { width, delimiters, rights, unpadded }: RowLayout,
): number {
  const { data } = source;
  let next = at;
  let text = start;
  for (let column = 0, cell = from; cell < to; column++, cell++) {
    const length = lengths[cell]!;
    const delimiter = delimiters[column]!;
    if (delimiter !== 0) output.setUint8(next++, BLANK);
    const padding = width[column]! - length - delimiter;
    const right = rights[column] !== 0;
    if (right) next = putBlanks(output, next, padding);
    if (length < LONG_CELL) next = putCopy(output, next, data, text, length);
    else {
      new Uint8Array(output.buffer, next, length).set(source.bytes.subarray(text, text + length));
      next += length;
    }
    text += length;
    if (!right && column !== unpadded) next = putBlanks(output, next, padding);
  }
  return next;
}

/**
 * Prints rows, each with its newline.
 *
 * @param shown cells of a row; only the last row may have fewer
 * @param noteOf gives the text behind the row that ends before a cell, if any row has one
 * @param hand takes the output once there is enough of it
 */
function printRows(
  output: ByteWriter,
  source: ByteWriter,
  lengths: Uint16Array,
  cells: number,
  shown: number,
  layout: RowLayout,
  noteOf: ((cell: number) => Uint8Array) | undefined,
  hand: () => void,
): void {
  let rowWidth = 1 + OVERSHOOT;
  for (const each of layout.width) rowWidth += each + 1;
  // Copies read behind the text, too.
  source.reserve(OVERSHOOT);
  let start = 0;
  for (let cell = 0; cell < cells; ) {
    const end = cell + shown < cells ? cell + shown : cells;
    let length = 0;
    for (let each = cell; each < end; each++) length += lengths[each]!;
    output.reserve(rowWidth + length);
    output.length = printRow(output.data, output.length, source, start, lengths, cell, end, layout);
    start += length;
    cell = end;
    if (noteOf !== undefined) output.put(noteOf(cell));
    output.byte(NEWLINE);
    if (output.length > OUTPUT_SIZE) hand();
  }
  hand();
}

keepOutOfLastTier(printRow, printRows);

/** A table being filled row by row, cell by cell. */
export class Table {
  /** Where the text of the next cell is written. */
  readonly text = new ByteWriter(SHORT_TEXT_SIZE, TEXT_SIZE);
  /** Which columns are shown: rows have a cell for each of these, and no others. */
  readonly shows: Readonly<Record<TableColumn, boolean>>;
  /** Inode of the SCTP row before, 0 if there was none: rows of the same one belong together. */
  endpointInode = 0;
  /** Length of each cell of the batch. There is room for those of one more row once it has begun. */
  lengths = new Uint16Array(1 << 16);
  /** How many cells the batch has. */
  cells = 0;

  readonly #options: TableOptions;
  readonly #columns: readonly ColumnLayout[];
  /** How many columns are shown. */
  readonly #shown: number;
  /** Longest measured cell of each shown column. */
  readonly #longest: Uint32Array;
  readonly #layout: RowLayout;
  readonly #output = new ByteWriter(OUTPUT_SIZE + (1 << 14));

  /** Cells that the current row has. */
  #column = 0;
  #cellStart = 0;
  /** Length of the last row's last cell, which is measured only when another row follows. */
  #unmeasured = 0;
  #chunks = 1;
  #chunkUsed = 0;
  #headerPending: boolean;
  /** Text behind rows of the batch, by the number of cells up to the end of each. */
  readonly #notes = new Map<number, Uint8Array>();

  constructor(options: TableOptions) {
    this.#options = options;
    const { hidden, leading } = options;
    const columns: ColumnLayout[] = [];
    const delimiters = new Uint8Array(tableColumns.length + 1);
    const rights = new Uint8Array(tableColumns.length + 1);
    const add = (column: ColumnLayout) => {
      const index = columns.push(column) - 1;
      delimiters[index] = index === 0 ? 0 : column.delimiter;
      rights[index] = column.right ? 1 : 0;
    };
    if (leading !== undefined) add({ name: "leading", header: leading, right: false, delimiter: 0 });
    const shows = {} as Record<TableColumn, boolean>;
    for (const column of tableColumns) {
      shows[column.name] = !hidden.has(column.name);
      if (shows[column.name]) add(column);
    }
    this.#columns = columns;
    this.shows = shows;
    this.#shown = columns.length;
    this.#longest = new Uint32Array(this.#shown);
    // The details are the last column of a row, which only a screen pads to its width.
    const beforeDetails = shows.details ? columns.length - 2 : -1;
    this.#layout = {
      width: new Uint32Array(this.#shown),
      delimiters,
      rights,
      unpadded: options.screen === undefined ? beforeDetails : -1,
    };
    this.#headerPending = options.header;
  }

  /** Starts a row; a second call in a row does nothing. */
  beginRow(): void {
    if (this.#headerPending) {
      this.#headerPending = false;
      for (const { header } of this.#columns) {
        this.text.put(ascii(header));
        this.close();
      }
    } else if (this.#chunks >= CHUNKS_PER_BATCH) {
      this.#print();
    } else if (this.#column > 0) {
      this.#completeRow();
    }
    this.#column = 0;
    if (this.cells + this.#shown > this.lengths.length) this.#growCells();
  }

  /** Ends a cell: all that was written since the last one. */
  close(): void {
    this.#close();
    const column = this.#column - 1;
    if (column + 1 < this.#shown) this.#measure(column, this.#unmeasured);
  }

  /** Ends a row before its last column: like a last cell's, this one's width counts only if another row follows. */
  closeShort(): void {
    this.#close();
  }

  /**
   * Ends a row whose cells were all written behind the text at once. It has begun, the length of each cell is in
   * `lengths` from `cells` on, and none is longer than ss lets a cell be.
   *
   * @param end where the text of the last cell ends
   */
  closeRow(end: number): void {
    const { lengths, cells } = this;
    const longest = this.#longest;
    const last = this.#shown - 1;
    let odd = 0;
    for (let column = 0; column < last; column++) {
      const length = lengths[cells + column]!;
      odd += length & 1;
      if (length > longest[column]!) longest[column] = length;
    }
    const length = lengths[cells + last]!;
    this.#unmeasured = length;
    this.#column = this.#shown;
    this.cells = cells + this.#shown;
    const size = end - this.#cellStart + odd + (length & 1) + CELL_OVERHEAD * this.#shown;
    if (this.#chunkUsed + size + CELL_OVERHEAD < CHUNK_SIZE) this.#chunkUsed += size;
    else for (let cell = cells; cell < this.cells; cell++) this.#count(lengths[cell]!);
    this.#cellStart = end;
    this.text.length = end;
  }

  /** Puts text behind the row, which has no part in how the columns are laid out; its control characters stay. */
  note(text: string): void {
    if (text === "") return;
    const bytes = encoder.encode(text);
    this.#notes.set(this.cells, bytes);
    this.#chunkUsed += bytes.length;
    if (this.#chunkUsed < CHUNK_SIZE) return;
    this.#chunks++;
    this.#chunkUsed = 0;
  }

  /** Lays out and writes all buffered rows. The next row starts a new batch with widths that do not shrink. */
  flush(): void {
    if (this.#headerPending) this.beginRow();
    this.#print();
  }

  #growCells(): void {
    const grown = new Uint16Array(this.lengths.length * 2);
    grown.set(this.lengths);
    this.lengths = grown;
  }

  #close(): void {
    const { text } = this;
    if (text.length - this.#cellStart > CELL_LIMIT) text.length = this.#cellStart + CELL_LIMIT;
    const length = text.length - this.#cellStart;
    if (this.cells === this.lengths.length) this.#growCells();
    this.lengths[this.cells++] = length;
    this.#cellStart = text.length;
    this.#unmeasured = length;
    this.#column++;
    this.#count(length);
  }

  /** Counts a cell as ss's buffer does. */
  #count(length: number): void {
    if (length > 0 && this.#chunkUsed + CELL_OVERHEAD + length >= CHUNK_SIZE) {
      this.#chunks++;
      this.#chunkUsed = 0;
    }
    this.#chunkUsed += CELL_OVERHEAD + length + (length & 1);
    if (CHUNK_SIZE - this.#chunkUsed < CELL_OVERHEAD) {
      this.#chunks++;
      this.#chunkUsed = 0;
    }
  }

  #measure(column: number, length: number): void {
    if (length > this.#longest[column]!) this.#longest[column] = length;
  }

  /** Another row follows: the last cell of this one is measured, and cells that it lacks are empty. */
  #completeRow(): void {
    this.#measure(this.#column - 1, this.#unmeasured);
    while (this.#column < this.#shown) this.close();
  }

  #print(): void {
    this.#layOut();
    const { text, lengths, cells } = this;
    const notes = this.#notes;
    const noteOf = notes.size === 0 ? undefined : (cell: number) => notes.get(cell) ?? noNote;
    printRows(this.#output, text, lengths, cells, this.#shown, this.#layout, noteOf, () => this.#hand());
    text.length = 0;
    this.#notes.clear();
    this.cells = 0;
    this.#column = 0;
    this.#cellStart = 0;
    this.#chunks = 1;
    this.#chunkUsed = 0;
  }

  #hand(): void {
    if (this.#output.length > 0) this.#options.write(this.#output.view());
    this.#output.length = 0;
  }

  /** Fits the columns to the screen: each line that a row wraps to is shared out among its columns. */
  #layOut(): void {
    const { screen } = this.#options;
    const { width } = this.#layout;
    // Without Math: making that object takes 0.2 ms, and a short run needs nothing else of it.
    const budget = this.cells === 0 ? PADDING_BUDGET : (PADDING_BUDGET * this.#shown) / this.cells;
    const limit = screen ?? (budget > WIDE_COLUMN ? budget | 0 : WIDE_COLUMN);
    let first = true;
    for (let column = 0; column < this.#shown; column++) {
      const longest = this.#longest[column]!;
      const wanted = longest === 0 ? 0 : longest + (first ? 0 : this.#columns[column]!.delimiter);
      if (longest > 0) first = false;
      width[column] = wanted < limit ? wanted : limit;
    }
    if (screen === undefined) return;
    const used = this.#columns.map((_, column) => column).filter((column) => width[column]! > 0);
    let line: number[] = [];
    let length = 0;
    for (let index = 0; index < used.length; index++) {
      const column = used[index]!;
      length += width[column]!;
      line.push(column);
      const last = index === used.length - 1;
      if (!last && length < screen) continue;
      if (length > screen) {
        line.pop();
        length -= width[column]!;
        index--;
      }
      share(width, line, screen - length);
      line = [];
      length = 0;
    }
  }
}

keepOutOfLastTier(Table.prototype.beginRow, Table.prototype.closeRow);
keepOutOfLastTier(ByteWriter.prototype.reserve, ByteWriter.prototype.byte);

/** Spreads `blanks` over the columns of one line; what does not divide goes to its last columns, one each. */
function share(width: Uint32Array, line: readonly number[], blanks: number): void {
  const each = Math.floor(blanks / line.length);
  let rest = blanks % line.length;
  for (const column of line.toReversed()) {
    width[column]! += each + (rest > 0 ? 1 : 0);
    rest--;
  }
}
