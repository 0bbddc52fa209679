/** Writes JSON documents and JSON lines, one object at a time. RFC 8259. */

import { escapeJson } from "../bytes/terminal.ts";
import type { Json } from "../model/json.ts";

/** Approximate size of the pieces that are written, in characters. */
const PIECE = 1 << 16;

const encoder = new TextEncoder();

/** Writes plain objects as one JSON array, or each on its own line. */
export class JsonWriter {
  readonly #array: boolean;
  readonly #write: (bytes: Uint8Array) => void;
  #text = "";
  #count = 0;

  /** @param write receives UTF-8 text as it becomes ready */
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

  /** Writes everything that is buffered. */
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
