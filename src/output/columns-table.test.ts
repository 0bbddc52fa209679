import { expect, test } from "bun:test";
import fc from "fast-check";
import { ColumnsTable } from "./columns-table.ts";
import type { Row } from "./value.ts";

const heads = [
  { name: "state", key: "state", numeric: false },
  { name: "rtt", key: "tcpInfo.rttUs", numeric: true, unit: "us" },
  { name: "process", key: "process", numeric: false },
] as const;

function lines(rows: readonly Row[], screen?: number, header = true): string[] {
  const chunks: Uint8Array[] = [];
  const table = new ColumnsTable(heads, { header, screen, write: (bytes) => chunks.push(bytes) });
  for (const row of rows) table.write(row);
  table.flush();
  return Buffer.concat(chunks).toString().split("\n").slice(0, -1);
}

test("columns are aligned, numbers to the right, without trailing blanks", () => {
  expect(
    lines([
      ["ESTAB", 1234567, ["nginx", "sh"]],
      ["TIME-WAIT", undefined, []],
    ]),
  ).toEqual(["state     rtt(us) process", "ESTAB     1234567 nginx,sh", "TIME-WAIT       - -"]);
});

test("a row is one line for any process name", () => {
  expect(lines([["a\nb", 1, "\u001b[2J\u009b"]], undefined, false)).toEqual(["a\\x0ab 1 \\x1b[2J\\xc2\\x9b"]);
});

test("a narrow terminal cuts the widest text, but no number", () => {
  const row: Row = ["ESTABLISHED-ALREADY", 12345678901234, "a-long-process-name"];
  expect(lines([row], 40)).toEqual([
    "state               rtt(us) process",
    "ESTABLISHED… 12345678901234 a-long-proc…",
  ]);
  expect(lines([row], 20)[1]).toBe("ESTABLI… 12345678901234 a-long-…");
});

test("nothing is cut on a pipe, and lines fit a terminal that is wide enough for the numbers", () => {
  const row = fc.tuple(fc.string({ minLength: 1 }), fc.nat(), fc.string({ minLength: 1 }));
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), fc.integer({ min: 40, max: 80 }), (rows, screen) => {
      const escaped = (text: string) => text.replaceAll("\u007f", "\\x7f");
      const piped = lines(rows, undefined, false);
      expect(piped.length).toBe(rows.length);
      rows.forEach(([state, , process], index) => {
        expect(piped[index]).toStartWith(escaped(state));
        expect(piped[index]).toEndWith(escaped(process));
      });
      for (const line of lines(rows, screen)) expect([...line].length).toBeLessThanOrEqual(screen);
    }),
  );
});

test("widths do not shrink from one batch to the next", () => {
  const chunks: Uint8Array[] = [];
  const table = new ColumnsTable(heads, {
    header: true,
    screen: undefined,
    write: (bytes) => chunks.push(bytes),
  });
  table.write(["ESTABLISHED", 1, "x"]);
  table.flush();
  table.write(["LISTEN", 2, "y"]);
  table.flush();
  expect(Buffer.concat(chunks).toString().split("\n").slice(1)).toEqual([
    "ESTABLISHED       1 x",
    "LISTEN            2 y",
    "",
  ]);
});
