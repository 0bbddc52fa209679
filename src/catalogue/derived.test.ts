import { expect, test } from "bun:test";
import type { Owner } from "../enrich/processes.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import { derivedColumns } from "./derived.ts";
import { columnsByKind } from "./describe.ts";

const INODE = 7;

function owner(pid: number, fd: number, name: string): Owner {
  const stat = new TextEncoder().encode(`${pid} (${name}) S 1`);
  return { pid, tid: pid, fd, stat, processContext: undefined, socketContext: undefined };
}

/** The value of a column for a socket with the given owners, and the processes that the column looked up. */
function shown(key: string, owners: readonly Owner[] | undefined) {
  const looked: number[] = [];
  const names: NameSource = {
    ...noNames,
    owners: (inode) => (inode === INODE ? owners : undefined),
    details({ pid }) {
      looked.push(pid);
      return pid === 1 ? { exe: "/bin/a", cmdline: ["a", "--flag"] } : {};
    },
  };
  const { inet } = columnsByKind(names);
  const column = derivedColumns("inet", inet as never, names).find((each) => each.key === key)!;
  return { value: column.read({ kind: "inet", inode: INODE }), looked };
}

const owners = [owner(1, 3, "a"), owner(1, 4, "a"), owner(2, 3, "b)")];

test.each([
  ["process", ["a", "b)"]],
  ["pid", [1, 2]],
  ["fd", [3, 4]],
])("%s takes no more than what is known of owners anyway", (key, value) => {
  expect(shown(key, owners)).toEqual({ value, looked: [] });
});

test.each([
  ["exe", ["/bin/a"]],
  ["cmdline", ["a --flag"]],
])("%s looks at the processes", (key, value) => {
  expect(shown(key, owners)).toEqual({ value, looked: [1, 1, 2] });
});

test("a socket without owners has no values; without an owner look-up the column is absent", () => {
  expect(shown("process", []).value).toEqual([]);
  expect(shown("process", undefined).value).toBeUndefined();
});
