import { describe, expect, test } from "bun:test";
import { BtfBuilder, INT_ENCODING } from "../../test/btf/builder.ts";
import type { BpfMap, BpfObjects, Host } from "../host/host.ts";
import { lookUpBpfMaps } from "./bpf-maps.ts";

const builder = new BtfBuilder();
const int = builder.int("int", 4, INT_ENCODING.signed);
const pair = builder.array(int, 2, int);
const blob = builder.build();

const map = (id: number, changes: Partial<BpfMap> = {}): BpfMap => ({
  id,
  type: 24,
  name: `map_${id}`,
  btfId: 1,
  valueType: pair,
  fd: id + 100,
  ...changes,
});
const maps = new Map([
  [1, map(1)],
  [2, map(2, { btfId: 9 })],
  [3, map(3, { btfId: 0, valueType: 0, fd: undefined })],
  [4, map(4, { btfId: 2 })],
  [5, map(5, { valueType: 77, name: "" })],
]);

async function lookUp() {
  const untyped: number[] = [];
  const requests: number[] = [];
  const objects: BpfObjects = {
    map: (id) => maps.get(id) ?? -2,
    btf(id) {
      requests.push(id);
      return id === 1 ? blob : id === 2 ? blob.subarray(0, 30) : undefined;
    },
  };
  const found = await lookUpBpfMaps({ bpf: async () => objects } as Host, (id) => untyped.push(id));
  return { found, untyped, requests };
}

const compact = { compact: true, indent: 0 };
const value = Uint8Array.of(1, 0, 0, 0, 255, 255, 255, 255);

describe("lookUpBpfMaps()", () => {
  test("shows a value by the type of its map, which is read once", async () => {
    const { found, untyped, requests } = await lookUp();
    for (let time = 0; time < 2; time++) expect(found.text(1, value, compact)).toBe("(int[2])[1,-1,]");
    expect(found.describe(1, value)).toEqual({ mapName: "map_1", type: "int[2]", decoded: [1, -1] });
    expect(requests).toEqual([1]);
    expect(untyped).toEqual([]);
  });

  test("reports each map once whose types are missing or malformed", async () => {
    const { found, untyped } = await lookUp();
    for (const id of [2, 3, 4, 6, 6, 2]) expect(found.text(id, value, compact)).toBeUndefined();
    expect(untyped).toEqual([2, 3, 4, 6]);
    expect(found.describe(2, value)).toEqual({ mapName: "map_2" });
    expect(found.describe(6, value)).toEqual({});
  });

  test("has no text for a value that does not fit its type", async () => {
    const { found, untyped } = await lookUp();
    expect(found.text(1, value.subarray(0, 7), compact)).toBeUndefined();
    expect(found.text(5, value, compact)).toBeUndefined();
    expect(found.describe(5, value)).toEqual({});
    expect(untyped).toEqual([]);
  });

  test("returns the descriptors of maps that have one, each once", async () => {
    const { found } = await lookUp();
    expect(found.descriptors([1, 2, 1, 3, 6])).toEqual([101, 102]);
  });
});
