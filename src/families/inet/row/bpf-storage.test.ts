import { expect, test } from "bun:test";
import type { BtfLayout } from "../../../btf/text.ts";
import { ByteWriter } from "../../../bytes/writer.ts";
import type { Names, Style } from "../../../table/style.ts";
import { BpfStorages } from "../layouts/bpf-storage.ts";
import { writeBpfStorages } from "./bpf-storage.ts";

/** Two storages: 2a 00 ff in map 5, four bytes in map 6. */
const bytes = Uint8Array.from(
  Buffer.from(
    "14000100 08000200 05000000 07000300 2a00ff00 14000180 08000200 06000000 08000300 01020304".replaceAll(
      " ",
      "",
    ),
    "hex",
  ),
);

function write(style: Pick<Style, "oneline" | "bpfMapIds">, names: Pick<Names, "bpfMaps"> = {}): string {
  const text = new ByteWriter();
  writeBpfStorages(text, new BpfStorages(new DataView(bytes.buffer), 0, bytes.length), style as Style, names);
  return Buffer.from(text.view()).toString();
}

/** Knows the type of map 5, and that of no other. */
const names = {
  bpfMaps: {
    text: (mapId: number, value: Uint8Array, { compact, indent }: BtfLayout) =>
      mapId === 5 ? `${compact ? "" : "\t".repeat(indent)}(u8[3])[${value.join(",")},]` : undefined,
  },
};

test("each value is on its own line, formatted by its type if that is known", () => {
  expect(write({ oneline: false, bpfMapIds: [] })).toBe(
    "\n\tmap_id:5 [\n\t\thex:2a00ff\n\t]\n\tmap_id:6 [\n\t\thex:01020304\n\t]",
  );
  expect(write({ oneline: false, bpfMapIds: [] }, names)).toBe(
    "\n\tmap_id:5 [\n\t\t(u8[3])[42,0,255,]\n\t]\n\tmap_id:6 [\n\t\thex:01020304\n\t]",
  );
});

test("-O puts all of them on the socket's line", () => {
  expect(write({ oneline: true, bpfMapIds: [] })).toBe(" map_id:5 hex:2a00ff map_id:6 hex:01020304");
  expect(write({ oneline: true, bpfMapIds: [] }, names)).toBe(
    " map_id:5(u8[3])[42,0,255,] map_id:6 hex:01020304",
  );
});

test("only the requested maps are shown", () => {
  expect(write({ oneline: true, bpfMapIds: [6, 9] })).toBe(" map_id:6 hex:01020304");
});
