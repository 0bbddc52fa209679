import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LINE_LIMIT, ProtocolError } from "../protocol.ts";
import { readCredit, readReply, writeCredit, writeReply } from "./messages.ts";
import { PAGE_BYTES, pageReader, pageWriter } from "./pages.ts";

/** The lines that come out of the pages of some text. */
function through(text: readonly string[]): { lines: string[]; pages: number } {
  const writer = pageWriter();
  for (const each of text) writer.write(each);
  const { pages } = writer.finish();
  const reader = pageReader();
  return { lines: pages.flatMap((page) => reader.read(page)), pages: pages.length };
}

describe("pages", () => {
  test("lines come out as they went in, wherever pages are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "grapheme" })),
        fc.integer({ min: 1, max: 60_000 }),
        (words, times) => {
          const lines = words.map((word) => word.replaceAll("\n", " ").repeat(times));
          expect(through(lines.map((line) => `${line}\n`)).lines).toEqual(lines);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("no page is longer than its limit", () => {
    const { lines, pages } = through(["é".repeat(PAGE_BYTES), "\n", "b\n"]);
    expect(lines.map(({ length }) => length)).toEqual([PAGE_BYTES, 1]);
    expect(pages).toBe(3);
  });

  test("a page that would grow beyond the limit, or is none, is refused without the memory", () => {
    const bomb = Bun.zstdCompressSync(new Uint8Array(1 << 30));
    const before = process.memoryUsage.rss();
    expect(() => pageReader().read(bomb)).toThrow(ProtocolError);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 << 20);
    expect(() => pageReader().read(new Uint8Array(10))).toThrow(ProtocolError);
    expect(() => pageReader().read(Bun.zstdCompressSync(new Uint8Array(PAGE_BYTES + 1)))).toThrow(
      ProtocolError,
    );
  });

  test("a line that never ends is refused", () => {
    const page = Bun.zstdCompressSync(new Uint8Array(PAGE_BYTES).fill(0x61));
    const reader = pageReader();
    expect(() => {
      for (let count = 0; count <= LINE_LIMIT / PAGE_BYTES; count++) reader.read(page);
    }).toThrow(ProtocolError);
  });
});

describe("messages", () => {
  const summary = {
    instance: "i",
    hello: { version: "1.0.0", protocols: [1], host: "web1", bootId: "b" },
    begin: { wallMs: 1, bootMs: 2, addresses: ["10.0.0.1"] },
    tookMs: 1.5,
    rows: 3,
    pages: 1,
    bytes: 9,
    inline: true,
  };

  test("come out as they went in", () => {
    const page = Uint8Array.of(1, 0x0a, 3);
    const read = readReply(writeReply({ summary, page })) as { summary: object; page: Uint8Array };
    expect([read.summary, [...read.page]]).toEqual([summary, [...page]]);
    expect(readReply(writeReply({ working: true }))).toEqual({ working: true });
    expect(readReply(writeReply({ refused: "no", wallMs: 5 }))).toEqual({ refused: "no", wallMs: 5 });
    const credit = { id: "AAAAAAAAAAAAAAAAAAAAAA", done: 1, from: 2, until: 3 };
    expect(readCredit(writeCredit(credit))).toEqual(credit);
  });

  test.each([
    ["", "no line"],
    ["{}\n", "no kind"],
    ['{"summary":{}}\n', "an empty summary"],
    ['{"seq":-1}\n', "a negative page"],
    ['{"refused":"x"}\n', "a refusal without a clock"],
    [`${"x".repeat(100_000)}\n`, "a line that is too long"],
  ])("%j is none: %s", (text) => {
    expect(() => readReply(new TextEncoder().encode(text))).toThrow(ProtocolError);
  });

  test("credit for too many pages, for others' subjects or of another shape is none", () => {
    const credit = { id: "AAAAAAAAAAAAAAAAAAAAAA", done: 0, from: 0, until: 65 };
    for (const wrong of [
      credit,
      { ...credit, until: 1, id: "a.b" },
      { ...credit, until: 0, from: 1 },
      { ...credit, until: 1.5 },
      [],
      null,
    ])
      expect(readCredit(new TextEncoder().encode(JSON.stringify(wrong)))).toBeUndefined();
    expect(readCredit(new Uint8Array(0))).toBeUndefined();
  });

  test("any bytes give a message or an error of the protocol", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => new TextEncoder().encode(`${json}\n`)),
        ),
        (bytes) => {
          readCredit(bytes);
          try {
            readReply(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
    );
  });
});
