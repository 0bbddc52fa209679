import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Layout, view } from "../bytes/layout.ts";
import { escapeJson } from "../bytes/terminal.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { columnsByKind, kinds } from "../catalogue/describe.ts";
import { type Column, describer, structColumns } from "../fields/column.ts";
import { noNames } from "../fields/names.ts";
import type { Json } from "../model/json.ts";
import { isStatic, objectEncoder, SocketJsonWriter } from "./json-encoder.ts";

type Values = readonly (Json | undefined)[];

/** What an encoder writes for each of some sockets, one after another. */
function encoded<S>(columns: readonly Column<S>[], sockets: readonly S[]): string {
  const encode = objectEncoder(columns);
  const text = new ByteWriter(16);
  for (const socket of sockets) {
    encode(text, socket);
    text.byte(0x0a);
  }
  return Buffer.from(text.view()).toString("utf8");
}

/** The same from plain objects. */
function expected<S>(columns: readonly Column<S>[], sockets: readonly S[]): string {
  const describe = describer(columns);
  return sockets.map((socket) => `${escapeJson(JSON.stringify(describe(socket)))}\n`).join("");
}

const keys = ["a", "b.x", "b.y.z", "b.y.w", 'q"\\', "c.d.e", "f"];
const columns = keys.map(
  (key, index): Column<Values> => ({ key, type: "any", doc: "a value", read: (values) => values[index] }),
);

const value = fc.oneof(
  fc.constant(undefined),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(fc.string({ unit: "binary", maxLength: 4 }), fc.integer()), { maxLength: 3 }),
  fc.record({ pid: fc.nat(), comm: fc.string({ unit: "binary", maxLength: 4 }) }),
);

test("any values are written as JSON.stringify writes their object", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { minLength: keys.length, maxLength: keys.length }), { maxLength: 4 }),
      (sockets) => {
        expect(encoded(columns, sockets as Values[])).toBe(expected(columns, sockets as Values[]));
      },
    ),
  );
});

const layout = {
  byte: { offset: 0, type: "u8", doc: "a byte" },
  flag: { offset: 1, type: "u8", bits: [2, 1], doc: "a bit" },
  bits: { offset: 1, type: "u8", bits: [3, 4], doc: "bits" },
  short: { offset: 2, type: "u16", doc: "two bytes" },
  port: { offset: 4, type: "u16be", doc: "two bytes in network order" },
  word: { offset: 8, type: "u32", none: 0xffffffff, doc: "a word" },
  signed: { offset: 12, type: "i32", doc: "a signed word" },
  counter: { offset: 16, type: "u64", none: 2 ** 64, doc: "a counter" },
  identity: { offset: 24, type: "id64", doc: "an identity" },
} as const satisfies Layout;
const View = view(layout);
const structs = structColumns("struct", undefined, layout, (bytes: Uint8Array) =>
  bytes.length === 1 ? undefined : new View(new DataView(bytes.buffer), 0, bytes.length),
);

test("any bytes of a kernel struct are written as JSON.stringify writes its object", () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff));
  const bytes = fc.array(byte, { maxLength: 40 }).map((list) => Uint8Array.from(list));
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 4 }), (sockets) => {
      expect(encoded(structs, sockets)).toBe(expected(structs, sockets));
    }),
  );
});

test("an object whose columns stand apart keeps its place among those that a socket has", () => {
  const apart = ["a.x", "b", "a.y"].map(
    (key, index): Column<Values> => ({ key, type: "any", doc: "a value", read: (values) => values[index] }),
  );
  expect(isStatic(apart)).toBeFalse();
  const sockets: Values[] = [
    [1, 2, 3],
    [undefined, 2, 3],
  ];
  expect(encoded(apart, sockets)).toBe(expected(apart, sockets));
});

test.each(kinds.map((kind) => [kind]))("%s sockets need no object of their own", (kind) => {
  expect(isStatic(columnsByKind(noNames)[kind] as readonly Column<unknown>[])).toBeTrue();
});

test("a socket that cannot be encoded leaves the document whole", () => {
  let document = "";
  const encode = (text: ByteWriter, value: number) => {
    text.text(`{"value":`);
    if (value < 0) throw new RangeError("negative");
    text.text(`${value}}`);
  };
  const writer = new SocketJsonWriter("json", encode, (bytes) => {
    document += Buffer.from(bytes).toString();
  });
  writer.write(1);
  expect(() => writer.write(-1)).toThrow(RangeError);
  writer.write(2);
  writer.end();
  expect(JSON.parse(document)).toEqual([{ value: 1 }, { value: 2 }]);
});
