import { expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import { OwnerCache } from "./owners.ts";

test("signals are let in while a large table is searched for new sockets", async () => {
  const owners = new OwnerCache(filesOf({ proc: {} }), "/proc");
  let turns = 0;
  const inodes = Array.from({ length: 100_000 }, (_, index) => index + 1);
  await owners.find(inodes, () => {
    turns++;
    return undefined;
  });
  // Once among the sockets to look for, once among those that were found or not.
  expect(turns).toBeGreaterThan(150);
});
