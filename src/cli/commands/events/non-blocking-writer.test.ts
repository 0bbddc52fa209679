/** Writes to a reader that is slow, or that goes away. */
import { expect, test } from "bun:test";
import { Pending, writeWhenFree } from "./non-blocking-writer.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes text; room() says "full" after `pieces` of it, and a signal has come. */
async function interruptedAfter(pieces: number, text: string) {
  const written: string[] = [];
  const output = {
    terminalColumns: undefined,
    write: (bytes: Uint8Array) => void written.push(decoder.decode(bytes)),
    room: () => (written.length < pieces ? ("free" as const) : ("full" as const)),
  };
  const how = await writeWhenFree(output, encoder.encode(text), AbortSignal.abort(143));
  return { how, written };
}

test("a signal cuts no line", async () => {
  const lines = Array.from({ length: 500 }, (_, number) => `{"number":${number}}\n`).join("");
  const { how, written } = await interruptedAfter(1, lines);
  expect(how).toBe("interrupted");
  expect(written[0]!.length).toBeGreaterThan(4000);
  expect(written[0]!.length).toBeLessThanOrEqual(4096);
  expect(written[0]).toEndWith("}\n");
});

test("a line that is longer than a piece is written, and all that follows", async () => {
  const text = `${"x".repeat(10_000)}\nshort\n`;
  const { how, written } = await interruptedAfter(100, text);
  expect(how).toBe("written");
  expect(written.join("")).toBe(text);
  expect(written.every((piece) => piece.length <= 4096)).toBe(true);
});

test("what is pending is counted and taken once", () => {
  const pending = new Pending();
  pending.line("ünï");
  pending.bytes(encoder.encode("more"));
  expect(pending.length).toBe(10);
  expect(decoder.decode(pending.take())).toBe("ünï\nmore");
  expect(pending.length).toBe(0);
});
