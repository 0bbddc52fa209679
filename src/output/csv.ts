/** Comma-separated values, RFC 4180. */
import { escapeText } from "../bytes/terminal.ts";
import { type Head, type Row, valueText } from "./value.ts";

/** Text is handed on in pieces of about this many characters. */
const PIECE = 1 << 16;

const encoder = new TextEncoder();

/** How CSV is written. */
export interface CsvOptions {
  /** Whether the first record has the keys. */
  readonly header: boolean;
  /** What a terminal obeys becomes `\xNN`: the output is one. */
  readonly escape: boolean;
  /** Takes UTF-8 text as it is ready. */
  readonly write: (bytes: Uint8Array) => void;
}

/** A field, in quotes where it needs them. An empty text is told by its quotes from a value that is not there. */
function field(text: string): string {
  return text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes rows as records. The values are what they are: a text that a spreadsheet would take for a formula, too. */
export class CsvWriter {
  readonly #heads: readonly Head[];
  readonly #options: CsvOptions;
  #text = "";

  constructor(heads: readonly Head[], options: CsvOptions) {
    this.#heads = heads;
    this.#options = options;
    if (options.header) this.#record(heads.map(({ key }) => field(key)));
  }

  /** Writes one row. */
  write(row: Row): void {
    const { escape: escaping } = this.#options;
    this.#record(
      row.map((value) => {
        if (value === undefined) return "";
        const text = valueText(value, ";");
        return field(escaping ? escapeText(text) : text);
      }),
    );
    if (this.#text.length > PIECE) this.flush();
  }

  /** Hands on what is written so far. */
  flush(): void {
    if (this.#text !== "") this.#options.write(encoder.encode(this.#text));
    this.#text = "";
  }

  #record(fields: readonly string[]): void {
    // The record of one absent value would be an empty line, which readers pass over.
    const text = this.#heads.length === 1 && fields[0] === "" ? '""' : fields.join(",");
    this.#text += `${text}\r\n`;
  }
}
