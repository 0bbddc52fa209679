/** JSON documents and lines, a socket at a time. RFC 8259. */

import { escapeJson } from "../bytes/terminal.ts";
import type { Json } from "../model/json.ts";

/** Text is handed on in pieces of about this many characters. */
const PIECE = 1 << 16;

const encoder = new TextEncoder();

/** Writes plain objects as one JSON array, or each on a line of its own. */
export class JsonWriter {
  readonly #array: boolean;
  readonly #write: (bytes: Uint8Array) => void;
  #text = "";
  #count = 0;

  /** @param write takes UTF-8 text as it is ready */
  constructor(format: "json" | "ndjson", write: (bytes: Uint8Array) => void) {
    this.#array = format === "json";
    this.#write = write;
  }

  /** Writes one object. */
  write(object: { readonly [key: string]: Json }): void {
    if (this.#array) this.#text += this.#count === 0 ? "[" : ",";
    if (this.#array) this.#text += "\n";
    this.#text += JSON.stringify(object);
    if (!this.#array) this.#text += "\n";
    this.#count++;
    if (this.#text.length > PIECE) this.flush();
  }

  /** Hands on what is written so far. */
  flush(): void {
    if (this.#text !== "") this.#write(encoder.encode(escapeJson(this.#text)));
    this.#text = "";
  }

  /** Ends the document. */
  end(): void {
    if (this.#array) this.#text += this.#count === 0 ? "[]\n" : "\n]\n";
    this.flush();
  }
}
