/**
 * Pages of the kernel's trace buffer, as read from `trace_pipe_raw`: a time, the length of the data, then events
 * that begin with a header of 32 bits (Documentation/trace/ring-buffer-design.rst, linux/ring_buffer.h).
 */
import type { PageFormat } from "./trace-format.ts";

/** RINGBUF_TYPE_*: values of the length bits that are not lengths. linux/ring_buffer.h. */
const TYPE_LONG = 0;
const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;
const TYPE_BITS = 5;
const TYPE_MASK = (1 << TYPE_BITS) - 1;
const HEADER_SIZE = 4;
/** A delta has 27 bits; a longer one comes as a time extension. */
const DELTA_RANGE = 2 ** 27;
const WORD_RANGE = 2 ** 32;
/** An absolute time lacks its 5 high bits, which are those of the page's time. */
const STAMP_RANGE = 2 ** 59;
/** Masks the flags off the length of the data: they say that events were dropped. */
const LENGTH_MASK = 0x3fff_ffff;

/** A page in memory. */
export interface TracePage {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly data: DataView;
}

/** An empty page. */
export function newTracePage({ size }: PageFormat): TracePage {
  const bytes = new Uint8Array(size);
  return { bytes, data: new DataView(bytes.buffer) };
}

/** Takes an event: offset and length of its data, and its time in nanoseconds of the buffer's clock. */
export type VisitTraceEvent = (page: TracePage, offset: number, length: number, ns: number) => void;

/**
 * Walks the events of a page, as far as they make sense.
 *
 * @param length bytes of the page that were read
 */
export function walkTracePage(
  tracePage: TracePage,
  length: number,
  format: PageFormat,
  visit: VisitTraceEvent,
): void {
  const { data: page } = tracePage;
  const { commitOffset, dataOffset } = format;
  if (length < dataOffset) return;
  const base = page.getUint32(4, true) * WORD_RANGE + page.getUint32(0, true);
  const end = Math.min(length, dataOffset + (page.getUint32(commitOffset, true) & LENGTH_MASK));
  let ns = base;
  for (let at = dataOffset; at + HEADER_SIZE <= end; ) {
    const header = page.getUint32(at, true);
    const type = header & TYPE_MASK;
    const delta = header >>> TYPE_BITS;
    if (type > TYPE_LONG && type < TYPE_PADDING) {
      const size = type * 4;
      if (at + HEADER_SIZE + size > end) return;
      ns += delta;
      visit(tracePage, at + HEADER_SIZE, size, ns);
      at += HEADER_SIZE + size;
      continue;
    }
    if (at + HEADER_SIZE * 2 > end) return;
    const word = page.getUint32(at + HEADER_SIZE, true);
    switch (type) {
      case TYPE_TIME_EXTEND:
        ns += word * DELTA_RANGE + delta;
        at += HEADER_SIZE * 2;
        break;
      case TYPE_TIME_STAMP:
        ns = Math.floor(base / STAMP_RANGE) * STAMP_RANGE + word * DELTA_RANGE + delta;
        at += HEADER_SIZE * 2;
        break;
      case TYPE_PADDING:
        // Without a delta it fills the rest of the page; with one it is a discarded event.
        if (delta === 0) return;
        ns += delta;
        at += HEADER_SIZE + Math.max(word, HEADER_SIZE);
        break;
      default: {
        // The length includes itself.
        if (word < HEADER_SIZE || at + HEADER_SIZE + word > end) return;
        ns += delta;
        visit(tracePage, at + HEADER_SIZE * 2, word - HEADER_SIZE, ns);
        at += HEADER_SIZE + align4(word);
      }
    }
  }
}

function align4(length: number): number {
  return Math.ceil(length / 4) * 4;
}
