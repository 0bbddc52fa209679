import { expect, test } from "bun:test";
import fc from "fast-check";
import { CsvWriter } from "./csv.ts";
import type { Row } from "./value.ts";

const heads = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `n${index}`, key: `k.${index}`, numeric: false }));

function csv(
  rows: readonly Row[],
  { columns = rows[0]!.length, header = false, escaping = false } = {},
): string {
  const chunks: Uint8Array[] = [];
  const writer = new CsvWriter(heads(columns), {
    header,
    escape: escaping,
    write: (bytes) => chunks.push(bytes.slice()),
  });
  for (const row of rows) writer.write(row);
  writer.flush();
  return Buffer.concat(chunks).toString();
}

/** Records of fields, by the grammar of RFC 4180; a field without quotes that is empty is undefined. */
function parse(text: string): (string | undefined)[][] {
  const records: (string | undefined)[][] = [];
  let record: (string | undefined)[] = [];
  for (let at = 0; at < text.length; ) {
    const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
    field.lastIndex = at;
    const match = field.exec(text);
    if (match === null) throw new Error(`no CSV at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`);
    const [all, quoted, plain, end] = match;
    record.push(quoted === undefined ? plain || undefined : quoted.replaceAll('""', '"'));
    at += all.length;
    if (end === ",") continue;
    records.push(record);
    record = [];
  }
  return records;
}

test("records can be read back", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom('"', ",", "\r\n", "=1+1", " ", "", "a;b"),
  );
  const row = fc.array(fc.option(text, { nil: undefined }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), (rows) => {
      const wellFormed = rows.map((values) => values.map((value) => value?.toWellFormed()));
      expect(parse(csv(rows))).toEqual(wellFormed);
    }),
  );
});

test("the first record has the keys, unless the header is off", () => {
  expect(csv([["x", 1]], { header: true })).toBe("k.0,k.1\r\nx,1\r\n");
  expect(csv([["x", 1]])).toBe("x,1\r\n");
});

test("each kind of value has a text form", () => {
  const list = [{ pid: 1, comm: "a,b" }];
  expect(csv([[true, 0.5, ["a", "b"], [1, 2], [], list, undefined, ""]])).toBe(
    'true,0.5,a;b,1;2,"","[{""pid"":1,""comm"":""a,b""}]",,""\r\n',
  );
});

test("a formula is unchanged, because a reader could not remove a guard", () => {
  expect(csv([["=HYPERLINK(1)", "+1", "-1", "@x"]])).toBe("=HYPERLINK(1),+1,-1,@x\r\n");
});

test("a record is never an empty line", () => {
  expect(csv([[undefined], ["x"]])).toBe('""\r\nx\r\n');
});

test("only line ends are control characters on a terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = csv([[text, "x"]], { escaping: true });
      expect(shown).toEndWith("\r\n");
      expect(shown.slice(0, -2)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }),
  );
});
