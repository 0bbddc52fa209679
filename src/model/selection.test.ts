import { expect, test } from "bun:test";
import { allTables, dumpOrder, tables } from "./selection.ts";

test("the order of the requests has the request of every table once", () => {
  const requests = new Set(allTables.map((table) => tables[table].dump));
  expect([...dumpOrder].sort()).toEqual([...requests].sort());
});
