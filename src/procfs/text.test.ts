import { expect, test } from "bun:test";
import { nextWholeLine, ProcText } from "./text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const decoder = new TextDecoder();

function line(text: string): ProcText {
  const reader = new ProcText(bytes(text));
  reader.nextLine();
  return reader;
}

test("lines come one after the other, the last without a newline too", () => {
  const text = new ProcText(bytes("a b\n\nc"));
  const words: string[] = [];
  while (text.nextLine()) words.push(`${decoder.decode(text.word())}|${text.missing}|${text.terminated}`);
  expect(words).toEqual(["a|false|true", "|true|true", "c|false|false"]);
});

test.each([
  ["1F", 0x1f],
  ["ffffffff", 0xffffffff],
  ["123456789", 0x23456789],
  ["00000000000000000000000000000000001", 1],
  ["B80D0120000000000000000001000000", 0xffffffff],
])("hex reads %p as the low 32 bits, and too many as all ones", (text, value) => {
  expect(line(`  ${text}:`).hex()).toBe(value);
});

test("hex stops at its limit", () => {
  const text = line("B80D012000000001:01BB");
  expect([text.hex(8), text.hex(8)]).toEqual([0xb80d0120, 1]);
  text.literal(0x3a);
  expect(text.hex()).toBe(0x1bb);
  expect(text.missing).toBe(false);
});

test("hex64 reads complete pointers", () => {
  const text = line("ffff88810a5c0880 12345678901234567");
  expect(text.hex64()).toBe(0xffff88810a5c0880n);
  expect(text.hex64()).toBe(0xffff_ffff_ffff_ffffn);
});

test.each([
  ["-4095", -4095],
  ["3221225472", -1073741824],
  ["2147483647", 2147483647],
  ["-1x", -1],
])("decimal reads %p as a signed number of 32 bits", (text, value) => {
  expect(line(text).decimal()).toBe(value);
});

test("a missing field ends the line", () => {
  const text = line("5 x 7");
  expect([text.decimal(), text.decimal(), text.decimal()]).toEqual([5, 0, 0]);
  expect(text.missing).toBe(true);
  expect(text.rest().length).toBe(0);
});

test("fields do not reach into the next line", () => {
  const text = line("5\n6 7\n");
  expect(text.decimal()).toBe(5);
  expect(text.decimal()).toBe(0);
  expect(text.missing).toBe(true);
  text.nextLine();
  expect(text.decimal()).toBe(6);
  expect(decoder.decode(text.rest())).toBe("7");
});

test("wordWith() looks ahead, and resume() continues after the word", () => {
  const text = line("zz:16 next");
  const end = text.wordWith(0x3a);
  expect(text.missing).toBe(false);
  expect(text.hex()).toBe(0);
  text.resume(end);
  expect(decoder.decode(text.word())).toBe("next");
});

test.each([
  [254, "line"],
  [255, "broken"],
] as const)("a line of %p bytes and a newline is a %p", (length, kind) => {
  expect(nextWholeLine(new ProcText(bytes(`${"x".repeat(length)}\n`)))).toBe(kind);
});

test("a line without a newline is broken, and no line is the end", () => {
  expect(nextWholeLine(new ProcText(bytes("x")))).toBe("broken");
  expect(nextWholeLine(new ProcText(bytes("")))).toBe("end");
});
