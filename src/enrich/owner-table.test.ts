import { expect, test } from "bun:test";
import fc from "fast-check";
import { OwnerTable } from "./owner-table.ts";

const holder = (pid: number) => ({
  pid,
  tid: pid,
  stat: new TextEncoder().encode(`${pid} (p${pid}) S`),
  processContext: undefined,
  socketContext: (fd: number) => new TextEncoder().encode(`of ${fd}`),
});

test("knows the owners that were added, the last one first", () => {
  const inode = fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 0xffff_ffff }));
  const entry = fc.record({ pid: fc.nat(5), fd: fc.nat(100_000), inode });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3000 }), (entries) => {
      const table = new OwnerTable();
      const holders = [0, 1, 2, 3, 4, 5].map((pid) => table.addHolder(holder(pid)));
      const expected = new Map<number, [pid: number, fd: number][]>();
      for (const { pid, fd, inode } of entries) {
        table.add(holders[pid]!, fd, inode);
        expected.set(inode, [[pid, fd], ...(expected.get(inode) ?? [])]);
      }
      expect(table.size).toBe(expected.size);
      expect(Array.from(table, ([inode, list]) => [inode, list.map(({ pid, fd }) => [pid, fd])])).toEqual([
        ...expected,
      ]);
      for (const other of [1_000_000, 0xffff_fffe]) expect(table.has(other)).toBe(expected.has(other));
    }),
    { numRuns: 100 },
  );
});

test("gives the same list for the same socket", () => {
  const table = new OwnerTable();
  table.add(table.addHolder(holder(7)), 3, 0xffff_ffff);
  expect(table.get(0xffff_ffff)).toBe(table.get(0xffff_ffff)!);
  expect(table.get(1)).toBeUndefined();
  expect(table.get(0xffff_ffff)).toMatchObject([{ pid: 7, tid: 7, fd: 3 }]);
  expect(new TextDecoder().decode(table.get(0xffff_ffff)![0]!.socketContext)).toBe("of 3");
});
