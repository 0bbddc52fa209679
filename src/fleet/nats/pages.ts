/**
 * An answer as pages: its lines as one stream of bytes, cut into pieces that are compressed one by one.
 *
 * The agent keeps the pages until the client allows it to send them. So the client decides how much is on its way, and
 * the server never has more for it than its limit (64 MiB), beyond which it would cut the client off.
 */
import * as zlib from "node:zlib";
import { LINE_LIMIT, ProtocolError } from "../protocol.ts";

/** Newer than our type declarations of Node. Unlike `Bun.zstdDecompressSync`, it stops at a limit. */
const { zstdDecompressSync } = zlib as unknown as {
  zstdDecompressSync(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array;
};

/** Bytes of a page before it is compressed. A message with it is never longer: NATS allows 1 MiB. */
export const PAGE_BYTES = 256 << 10;
/** The fastest level that finds repetition in rows: they shrink to a tenth. */
const LEVEL = 1;

const encoder = new TextEncoder();

/** The pages of an answer. */
export interface Pages {
  readonly pages: readonly Uint8Array[];
  /** Bytes of all pages, compressed. */
  readonly bytes: number;
}

/** Makes pages of text. */
export interface PageWriter {
  /** Adds text. */
  write(text: string): void;
  /** Bytes of the pages so far, compressed. */
  bytes(): number;
  /** The pages, when all text is written. */
  finish(): Pages;
}

/** Makes a writer of pages. */
export function pageWriter(): PageWriter {
  const pages: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let size = 0;
  let bytes = 0;
  const cut = () => {
    const page = Bun.zstdCompressSync(Buffer.concat(parts), { level: LEVEL });
    pages.push(page);
    bytes += page.length;
    parts = [];
    size = 0;
  };
  return {
    write(text) {
      let rest: Uint8Array = encoder.encode(text);
      while (size + rest.length >= PAGE_BYTES) {
        const room = PAGE_BYTES - size;
        parts.push(rest.subarray(0, room));
        rest = rest.subarray(room);
        cut();
      }
      if (rest.length === 0) return;
      parts.push(rest);
      size += rest.length;
    },
    bytes: () => bytes,
    finish() {
      if (size > 0) cut();
      return { pages, bytes };
    },
  };
}

/** Makes lines of pages. */
export interface PageReader {
  /** The lines that a page completes. @throws ProtocolError for a page that is none, or a line that is too long */
  read(page: Uint8Array): string[];
}

/** Makes a reader for the pages of one answer, in order. */
export function pageReader(): PageReader {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  return {
    read(page) {
      let bytes: Uint8Array;
      try {
        bytes = zstdDecompressSync(page, { maxOutputLength: PAGE_BYTES });
      } catch {
        throw new ProtocolError("a page that cannot be decompressed");
      }
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      if (rest.length > LINE_LIMIT) throw new ProtocolError("a line that is too long");
      return lines;
    },
  };
}
