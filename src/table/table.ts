/**
 * The layout engine of the ss table: cells as bytes, widths from what was measured, blanks where ss puts them.
 *
 * Cells are written into one growing buffer; only where each ends is remembered, and a batch is laid out when
 * its buffer passes the size at which ss lays one out, so memory stays bounded however many rows come.
 */
import { ascii, ByteWriter } from "../bytes/writer.ts";

/** The columns of the ss table, left to right. The first, peerProcess and container are ours, and mostly hidden. */
export const tableColumns = [
  { name: "netns", header: "Netns", right: false, delimiter: 0 },
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

/** The longest cell; ss cuts what is longer. */
const CELL_LIMIT = 65535;
/** ss buffers rows in chunks of this many bytes, and lays out a batch when a row begins with this many in use. */
const CHUNK_SIZE = 1_048_560;
const CHUNKS_PER_BATCH = 5;
/** Bytes that each cell takes in a chunk beside its text. */
const CELL_OVERHEAD = 2;
/** Output is handed on in pieces of about this size. */
const OUTPUT_SIZE = 1 << 18;

const encoder = new TextEncoder();
const noNote = new Uint8Array(0);

const BLANK = 0x20;
const NEWLINE = 0x0a;

/** How a table is laid out. */
export interface TableOptions {
  /** Columns that are left out. */
  readonly hidden: ReadonlySet<TableColumn>;
  /** Whether a header row is printed. */
  readonly header: boolean;
  /** Columns of the screen; undefined for the compact layout of a pipe. */
  readonly screen: number | undefined;
  /** Takes the text; the bytes are valid during the call only. */
  readonly write: (bytes: Uint8Array) => void;
}

/** A table being filled row by row, cell by cell. */
export class Table {
  /** Where the text of the next cell is written. */
  readonly text = new ByteWriter(1 << 16);
  /** Which columns are shown: rows have a cell for each of these, and no others. */
  readonly shows: Readonly<Record<TableColumn, boolean>>;
  /** Inode of the SCTP row before, 0 if there was none: rows of the same one belong together. */
  endpointInode = 0;

  readonly #options: TableOptions;
  readonly #columns: readonly (typeof tableColumns)[number][];
  /** Longest measured cell of each shown column. */
  readonly #longest: Uint32Array;
  /** Width of each shown column in the batch being printed. */
  readonly #width: Uint32Array;
  /** The shown column that gets no blanks in the compact layout. */
  readonly #unpadded: number;
  readonly #output = new ByteWriter(OUTPUT_SIZE + (1 << 14));

  /** Where each cell of the batch ends in `text`. */
  #ends = new Uint32Array(1 << 12);
  #cells = 0;
  /** Cells that the current row has. */
  #column = 0;
  #cellStart = 0;
  /** Length of the last row's last cell, which is measured only when another row follows. */
  #unmeasured = 0;
  #chunks = 1;
  #chunkUsed = 0;
  #headerPending: boolean;
  /** What stands behind rows of the batch, by the number of cells before each. */
  readonly #notes = new Map<number, Uint8Array>();

  constructor(options: TableOptions) {
    this.#options = options;
    this.#columns = tableColumns.filter(({ name }) => !options.hidden.has(name));
    this.shows = Object.fromEntries(
      tableColumns.map(({ name }) => [name, !options.hidden.has(name)]),
    ) as Record<TableColumn, boolean>;
    this.#longest = new Uint32Array(this.#columns.length);
    this.#width = new Uint32Array(this.#columns.length);
    const details = this.#columns.findIndex(({ name }) => name === "details");
    this.#unpadded = options.screen === undefined ? details - 1 : -1;
    this.#headerPending = options.header;
  }

  /** Starts a row. */
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
  }

  /** Ends a cell: all that was written since the last one. */
  close(): void {
    this.#close();
    const column = this.#column - 1;
    if (column + 1 < this.#columns.length) this.#measure(column, this.#unmeasured);
  }

  /** Ends a row before its last column: like a last cell's, this one's width counts only if another row follows. */
  closeShort(): void {
    this.#close();
  }

  /** Puts text behind the row, which has no part in how the columns are laid out; its control characters stay. */
  note(text: string): void {
    if (text === "") return;
    const bytes = encoder.encode(text);
    this.#notes.set(this.#cells, bytes);
    this.#chunkUsed += bytes.length;
    if (this.#chunkUsed < CHUNK_SIZE) return;
    this.#chunks++;
    this.#chunkUsed = 0;
  }

  /** Lays out and hands on all that is buffered; the next row starts a new batch with widths that do not shrink. */
  flush(): void {
    if (this.#headerPending) this.beginRow();
    this.#print();
  }

  #close(): void {
    const { text } = this;
    if (text.length - this.#cellStart > CELL_LIMIT) text.length = this.#cellStart + CELL_LIMIT;
    const length = text.length - this.#cellStart;
    if (this.#cells === this.#ends.length) {
      const grown = new Uint32Array(this.#ends.length * 2);
      grown.set(this.#ends);
      this.#ends = grown;
    }
    this.#ends[this.#cells++] = text.length;
    this.#cellStart = text.length;
    this.#unmeasured = length;
    this.#column++;
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
    while (this.#column < this.#columns.length) this.close();
  }

  #print(): void {
    this.#layOut();
    const { text } = this;
    const bytes = text.bytes;
    const columns = this.#columns;
    const shown = columns.length;
    const output = this.#output;
    const ends = this.#ends;
    const width = this.#width;
    const rowWidth = width.reduce((sum, each) => sum + each + 1, 0);
    let start = 0;
    for (let cell = 0; cell < this.#cells; ) {
      const last = Math.min(cell + shown, this.#cells);
      output.reserve(rowWidth + (ends[last - 1]! - start) + 1);
      const target = output.bytes;
      let at = output.length;
      for (let column = 0; cell < last; cell++, column++) {
        const end = ends[cell]!;
        const { delimiter, right } = columns[column]!;
        const printed = column === 0 ? 0 : delimiter;
        if (printed > 0) target[at++] = BLANK;
        const padding = width[column]! - (end - start) - printed;
        if (right) for (let count = padding; count > 0; count--) target[at++] = BLANK;
        if (end - start > 256) {
          target.set(bytes.subarray(start, end), at);
          at += end - start;
          start = end;
        } else while (start < end) target[at++] = bytes[start++]!;
        if (!right && column !== this.#unpadded)
          for (let count = padding; count > 0; count--) target[at++] = BLANK;
      }
      output.length = at;
      if (this.#notes.size > 0) output.put(this.#notes.get(cell) ?? noNote);
      output.byte(NEWLINE);
      if (output.length > OUTPUT_SIZE) this.#hand();
    }
    this.#hand();
    text.length = 0;
    this.#notes.clear();
    this.#cells = 0;
    this.#column = 0;
    this.#cellStart = 0;
    this.#chunks = 1;
    this.#chunkUsed = 0;
  }

  #hand(): void {
    if (this.#output.length > 0) this.#options.write(this.#output.view());
    this.#output.length = 0;
  }

  /** Fits the columns to the screen, which is shared out among the columns of each line that it wraps to. */
  #layOut(): void {
    const { screen } = this.#options;
    const width = this.#width;
    let first = true;
    this.#columns.forEach(({ delimiter }, column) => {
      const longest = this.#longest[column]!;
      width[column] = longest === 0 ? 0 : longest + (first ? 0 : delimiter);
      if (longest > 0) first = false;
      if (screen !== undefined) width[column] = Math.min(width[column]!, screen);
    });
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

/** Spreads `blanks` over the columns of one line; what does not divide goes to its last columns, one each. */
function share(width: Uint32Array, line: readonly number[], blanks: number): void {
  const each = Math.floor(blanks / line.length);
  let rest = blanks % line.length;
  for (const column of line.toReversed()) {
    width[column]! += each + (rest > 0 ? 1 : 0);
    rest--;
  }
}
