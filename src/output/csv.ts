/** Comma-separated values, RFC 4180. */
import { escapeText } from "../bytes/terminal.ts";
import { type Head, type Row, valueText } from "./value.ts";

/** Approximate size of the pieces that are written, in characters. */
const PIECE = 1 << 16;

const encoder = new TextEncoder();

/** Options of CSV output. */
export interface CsvOptions {
  /** Whether the first record contains the keys. */
  readonly header: boolean;
  /** Writes control characters as `\xNN`. Set if the output is a terminal. */
  readonly escape: boolean;
  /** Receives UTF-8 text as it becomes ready. */
  readonly write: (bytes: Uint8Array) => void;
}

/** A field, quoted if needed. Quotes distinguish an empty text from an absent value. */
function field(text: string): string {
  return text === "" || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes rows as records. Values are unchanged, even a text that a spreadsheet would read as a formula. */
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

  /** Writes everything that is buffered. */
  flush(): void {
    if (this.#text !== "") this.#options.write(encoder.encode(this.#text));
    this.#text = "";
  }

  #record(fields: readonly string[]): void {
    // A record of one absent value would be an empty line, which readers skip.
    const text = this.#heads.length === 1 && fields[0] === "" ? '""' : fields.join(",");
    this.#text += `${text}\r\n`;
  }
}
