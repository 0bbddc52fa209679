import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { PageFormat } from "./trace-format.ts";
import { newTracePage, type TracePage, walkTracePage } from "./trace-page.ts";

const format: PageFormat = { commitOffset: 8, dataOffset: 16, size: 4096 };

const TIME_EXTEND = 30;
const TIME_STAMP = 31;
const PADDING = 29;

/** A header of 32 bits: type or length in words, and delta. */
const header = (type: number, delta: number) => (type | (delta << 5)) >>> 0;

/** A page of words, with its time and the length of its data. */
function pageOf(words: readonly number[], ns = 1000, flags = 0): TracePage {
  const tracePage = newTracePage(format);
  const { data: page } = tracePage;
  page.setUint32(0, ns, true);
  page.setUint32(8, words.length * 4 + flags, true);
  for (const [index, word] of words.entries()) page.setUint32(16 + index * 4, word, true);
  return tracePage;
}

/** The events of a page: first word, length and time. */
function eventsOf(page: TracePage, length = format.size) {
  const events: { word: number; length: number; ns: number }[] = [];
  walkTracePage(page, length, format, ({ data }, offset, size, ns) => {
    events.push({ word: data.getUint32(offset, true), length: size, ns });
  });
  return events;
}

describe("walkTracePage()", () => {
  test("adds up the times of events", () => {
    const words = [header(1, 5), 0xa, header(2, 7), 0xb, 0];
    expect(eventsOf(pageOf(words))).toEqual([
      { word: 0xa, length: 4, ns: 1005 },
      { word: 0xb, length: 8, ns: 1012 },
    ]);
  });

  test("reads the length of a long event after its header", () => {
    const words = [header(0, 1), 12, 0xa, 0xb, header(1, 1), 0xc];
    expect(eventsOf(pageOf(words))).toEqual([
      { word: 0xa, length: 8, ns: 1001 },
      { word: 0xc, length: 4, ns: 1002 },
    ]);
  });

  test("adds a time extension", () => {
    const words = [header(TIME_EXTEND, 3), 2, header(1, 1), 0xa];
    expect(eventsOf(pageOf(words))).toEqual([{ word: 0xa, length: 4, ns: 1000 + 2 * 2 ** 27 + 3 + 1 }]);
  });

  test("uses an absolute time", () => {
    const words = [header(TIME_STAMP, 3), 2, header(1, 1), 0xa];
    expect(eventsOf(pageOf(words))).toEqual([{ word: 0xa, length: 4, ns: 2 * 2 ** 27 + 3 + 1 }]);
  });

  test("skips discarded events, and ends at the padding of a page", () => {
    const words = [header(PADDING, 2), 8, 0, header(1, 1), 0xa, header(PADDING, 0), 0, header(1, 1), 0xb];
    expect(eventsOf(pageOf(words))).toEqual([{ word: 0xa, length: 4, ns: 1003 }]);
  });

  test("ignores the flags of lost events, and reads a part of a page", () => {
    const words = [header(1, 5), 0xa, header(1, 5), 0xb];
    expect(eventsOf(pageOf(words, 1000, 0xc0000000))).toHaveLength(2);
    expect(eventsOf(pageOf(words), 16 + 8)).toHaveLength(1);
    expect(eventsOf(pageOf(words), 15)).toEqual([]);
  });

  test("ends for any page, and yields nothing outside of it", () => {
    const words = fc.array(fc.oneof(fc.nat(0xffffffff), fc.nat(200)), { maxLength: 60 });
    fc.assert(
      fc.property(words, fc.nat(format.size), fc.nat(0xffffffff), (any, length, commit) => {
        const page = pageOf(any);
        page.data.setUint32(8, commit, true);
        walkTracePage(page, length, format, (_, offset, size) => {
          expect(offset).toBeGreaterThanOrEqual(20);
          expect(offset + size).toBeLessThanOrEqual(length);
        });
      }),
    );
  });
});
