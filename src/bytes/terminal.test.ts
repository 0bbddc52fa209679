import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { escapeControls, escapeJson, escapeText } from "./terminal.ts";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Control characters, and characters that change the direction of text. */
const OBEYED = /[\p{Cc}\p{Bidi_Control}]/u;

const shown = (bytes: readonly number[]) => strict.decode(escapeControls(Uint8Array.from(bytes)));

/** Bytes, many of them from sequences that must be escaped. */
const byte = fc.oneof(
  fc.nat(0xff),
  fc.constantFrom(0x0a, 0x1b, 0x7f, 0x80, 0x85, 0x8e, 0x8f, 0x9b, 0x9c, 0xa6, 0xae, 0xbf),
  fc.constantFrom(0xc2, 0xd8, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4),
);
const anyBytes = fc.array(byte, { maxLength: 64 }).map((bytes) => Uint8Array.from(bytes));
const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom("\u0085", "\u202e", "\u061c", "é", "日"), fc.string()),
});

/** The bytes that `\xNN` stand for. */
function unescaped(text: string): Uint8Array {
  const latin1 = Buffer.from(text, "utf8").toString("latin1");
  const bytes = latin1.replace(/\\x([0-9a-f]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Uint8Array.from(Buffer.from(bytes, "latin1"));
}

describe("escapeControls()", () => {
  test.each([
    ["a control character of ASCII", [0x61, 0x1b, 0x5b], "a\\x1b["],
    ["DEL", [0x7f], "\\x7f"],
    ["NEL, as one", [0x61, 0xc2, 0x85, 0x62], "a\\xc2\\x85b"],
    ["CSI of one byte, which is no UTF-8", [0x9b, 0x33, 0x31, 0x6d], "\\x9b31m"],
    ["letters beyond ASCII", [...encoder.encode("grüße 日本 🦊")], "grüße 日本 🦊"],
    ["letters whose bytes look like C1", [...encoder.encode("Å")], "Å"],
    ["a byte that is no UTF-8", [0x67, 0xff, 0x72], "g\\xffr"],
    ["a character that is cut", [0xe6, 0x97], "\\xe6\\x97"],
    ["a longer form than is needed", [0xc0, 0x8a], "\\xc0\\x8a"],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
    ["what is beyond Unicode", [0xf4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"],
    ["RIGHT-TO-LEFT OVERRIDE", [...encoder.encode("a\u202eb")], "a\\xe2\\x80\\xaeb"],
    ["ARABIC LETTER MARK", [...encoder.encode("\u061c")], "\\xd8\\x9c"],
  ] as [string, number[], string][])("%s", (_, bytes, text) => {
    expect(shown(bytes)).toBe(text);
  });

  test("returns harmless, valid UTF-8 from which the bytes can be restored", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = strict.decode(escapeControls(bytes));
        expect(text).not.toMatch(OBEYED);
        if (!bytes.includes(0x5c)) expect(unescaped(text)).toEqual(bytes);
      }),
    );
  });

  test("leaves harmless text unchanged", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const bytes = encoder.encode(text);
        if (!OBEYED.test(text)) expect(escapeControls(bytes)).toBe(bytes);
      }),
    );
  });
});

test("escapeText() shows a text as escapeControls() shows its bytes", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(escapeText(text.toWellFormed())).toBe(strict.decode(escapeControls(encoder.encode(text))));
    }),
  );
});

test("escapeJson() keeps the value, and leaves no control characters except newlines", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const json = escapeJson(`${JSON.stringify([text], undefined, 1)}\n`);
      expect(JSON.parse(json)).toEqual([text]);
      expect(json.replaceAll("\n", "")).not.toMatch(OBEYED);
    }),
  );
});
