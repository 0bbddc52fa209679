import { expect, test } from "bun:test";
import { ascii } from "../bytes/writer.ts";
import { Table, type TableColumn, tableColumns } from "./table.ts";

const shown: readonly TableColumn[] = ["state", "localAddress", "process", "container", "details"];

/** The bytes of a table whose first row has a process cell of this length, followed by short rows. */
function sizeOf(longest: number, rows: number): number {
  let size = 0;
  const table = new Table({
    hidden: new Set(tableColumns.map(({ name }) => name).filter((name) => !shown.includes(name))),
    header: false,
    screen: undefined,
    write: (bytes) => {
      size += bytes.length;
    },
  });
  for (let row = 0; row < rows; row++) {
    table.beginRow();
    for (const name of shown) {
      table.text.put(ascii(name === "process" && row === 0 ? "x".repeat(longest) : "cell"));
      table.close();
    }
  }
  table.flush();
  return size;
}

test("one long cell pads few rows as ss does", () => {
  expect(sizeOf(60_000, 100)).toBeGreaterThan(100 * 60_000);
});

test("one long cell does not make a long table much longer", () => {
  const rows = 20_000;
  expect(sizeOf(60_000, rows)).toBeLessThan(rows * 1100);
  // Up to 1024 bytes a column is as wide as its longest cell.
  expect(sizeOf(1000, rows)).toBeGreaterThan(rows * 1000);
});
