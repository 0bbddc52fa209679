import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Frame,
  LINE_LIMIT,
  linesOf,
  PROTOCOL,
  ProtocolError,
  readFrame,
  readQuestion,
  writeLine,
} from "./protocol.ts";

const question = {
  protocol: PROTOCOL,
  args: ["--tcp"],
  words: ["sport", "=", ":22"],
  filterFile: "dport = :1\n",
  form: "rows",
  maxRows: 5,
  budgetMs: 100,
} as const;

const frames: readonly Frame[] = [
  { hello: { version: "0.1.0", protocols: [1], host: "web1", bootId: "x" } },
  { begin: { wallMs: 1, bootMs: 2, addresses: ["10.0.0.1"] } },
  { rows: [{ cells: ["a", "b"], note: "n", keys: [1, null, "x"] }, { object: { state: "LISTEN" } }] },
  { rows: [{ values: ["ESTAB", null], count: 3, sums: [null, 5] }] },
  { output: "text\n" },
  { note: "a note\n" },
  { end: { status: 1, cut: "time" } },
];

test.each(frames)("%j is read as it was written", (frame) => {
  expect(readFrame(writeLine(frame))).toEqual(frame);
});

test.each([
  "",
  "[]",
  "null",
  '{"rows":[],"end":{"status":0}}',
  '{"toString":1}',
  '{"__proto__":{}}',
  '{"rows":[{}]}',
  '{"rows":[{"cells":["a"],"object":{}}]}',
  '{"rows":[{"cells":[1]}]}',
  '{"rows":[{"values":[],"count":-1}]}',
  '{"rows":[{"values":[],"sums":["x"]}]}',
  '{"rows":[{"object":[]}]}',
  '{"rows":[{"cells":[],"keys":1}]}',
  '{"end":{"status":"0"}}',
  '{"end":{"status":0,"cut":"x"}}',
  '{"hello":{"version":"1","protocols":["1"],"host":"","bootId":""}}',
  '{"begin":{"wallMs":"1","bootMs":1,"addresses":[]}}',
  '{"output":1}',
])("%s is not a frame", (line) => {
  expect(() => readFrame(line)).toThrow(ProtocolError);
});

test("a row that is nested so deep that writing it would exhaust the stack is not a frame", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  expect(() => readFrame(`{"rows":[{"values":${deep}}]}`)).toThrow(ProtocolError);
  expect(() => readFrame(`{"rows":[{"object":{"a":${deep}}}]}`)).toThrow(ProtocolError);
});

describe("readQuestion()", () => {
  test("reads what was written", () => {
    expect(readQuestion(writeLine(question))).toEqual(question);
  });

  test.each([
    { ...question, protocol: 2 },
    { ...question, args: "--tcp" },
    { ...question, words: undefined },
    { ...question, filterFile: 1 },
    { ...question, form: "shell" },
    { ...question, maxRows: -1 },
    { ...question, budgetMs: 1.5 },
  ])("refuses %j", (wrong) => {
    expect(() => readQuestion(JSON.stringify(wrong))).toThrow(ProtocolError);
  });
});

test("any text is a frame and a question, or a ProtocolError", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.constantFrom(...frames).map(writeLine)), (text) => {
      for (const read of [readFrame, readQuestion]) {
        try {
          read(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }
    }),
  );
});

describe("linesOf()", () => {
  async function* chunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (const size of [...sizes, bytes.length]) {
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }

  test("gives the same lines however the bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "binary" }), { maxLength: 8 }),
        fc.array(fc.nat(5)),
        async (texts, sizes) => {
          const lines = texts.map((text) => text.replaceAll("\n", " ").toWellFormed());
          const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
          expect(await Array.fromAsync(linesOf(chunks(bytes, sizes)))).toEqual(lines);
        },
      ),
    );
  });

  test("refuses a line without an end", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 1 << 20;
        yield new Uint8Array(1 << 20).fill(0x78);
      }
    }
    await expect(Array.fromAsync(linesOf(endless()))).rejects.toThrow(ProtocolError);
    expect(sent).toBeLessThan(2 * LINE_LIMIT + (1 << 21));
  });
});
