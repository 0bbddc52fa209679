import { expect, test } from "bun:test";
import { BtfBuilder, INT_ENCODING } from "../../test/btf/builder.ts";
import { findTypes } from "./find.ts";
import { Btf } from "./types.ts";

/** Types of every kind, before and behind the wanted ones. */
function blob() {
  const types = new BtfBuilder();
  const int = types.int("int", 4, INT_ENCODING.signed);
  types.array(int, 3, int);
  types.enum("color", 4, { red: 1, green: 2 });
  types.enum64("wide", { big: 1n << 40n });
  types.to("ptr", int);
  types.to("typedef", int, "number");
  types.fwd("file");
  const prototype = types.funcProto(int, [["file", int]]);
  types.section(".data", 4, types.variable("counter", int));
  types.aggregate("union", "file", 8, [{ name: "inode", type: int, offset: 0 }]);
  types.aggregate("struct", "file", 24, [
    { name: "flags", type: int, offset: 0 },
    { name: "inode", type: int, offset: 64 },
  ]);
  types.aggregate("struct", "file", 24, [{ name: "inode", type: int, offset: 128 }]);
  const walk = types.func("walk", prototype);
  types.aggregate("struct", "bits", 8, [
    { name: "low", type: int, offset: 0, bits: 3 },
    { name: "odd", type: int, offset: 3 },
    { name: "whole", type: int, offset: 32 },
  ]);
  return { bytes: types.build(), walk };
}

test("finds functions and members by name; of structs with one name the first", () => {
  const { bytes, walk } = blob();
  const types = findTypes(bytes, { functions: ["walk"], members: { file: ["inode"], bits: ["whole"] } })!;
  expect(types.function("walk")).toBe(walk);
  expect(types.member("file", "inode")).toBe(8);
  expect(types.member("bits", "whole")).toBe(4);
});

test("does not find other kinds, parts of names, and bit-fields", () => {
  const { bytes } = blob();
  const types = findTypes(bytes, {
    functions: ["int", "wal", "run"],
    members: { bits: ["low", "odd"], color: ["red"] },
  })!;
  for (const name of ["int", "wal", "run"]) expect(types.function(name)).toBeUndefined();
  for (const name of ["low", "odd", "hole"]) expect(types.member("bits", name)).toBeUndefined();
  expect(types.member("color", "red")).toBeUndefined();
  expect(types.member("other", "red")).toBeUndefined();
});

test("reads nothing but BTF", () => {
  const { bytes } = blob();
  const wanted = { functions: ["walk"], members: {} };
  expect(findTypes(new Uint8Array(100), wanted)).toBeUndefined();
  for (let length = 0; length < 60; length++)
    expect(findTypes(bytes.subarray(0, length), wanted)).toBeUndefined();
});

test("agrees with the types that are decoded one by one", () => {
  const { bytes, walk } = blob();
  expect(new Btf(bytes).type(walk)).toEqual({ kind: "none" });
  expect(new Btf(bytes).type(walk - 2)).toMatchObject({ kind: "struct", name: "file" });
});
