import { expect, test } from "bun:test";
import type { ProcessDetails } from "../enrich/process-details.ts";
import type { Owner } from "../enrich/processes.ts";
import { noNames } from "./names.ts";
import { detailLimits, detailsWithin, processesColumn } from "./processes.ts";

function owner(pid: number): Owner {
  const stat = new TextEncoder().encode(`${pid} (fork) S 1`);
  return { pid, tid: pid, fd: 3, stat, processContext: undefined, socketContext: undefined };
}

/** The processes 1 to `count`, with the same details. */
function forks(count: number, details: ProcessDetails) {
  const owners = Array.from({ length: count }, (_, index) => owner(index + 1));
  return { owners, names: { ...noNames, owners: () => owners, details: () => details } };
}

test("of thousands of processes with one socket, the first have details, and all are listed", () => {
  const { names } = forks(2600, { user: "nobody", cmdline: ["a"] });
  const found = processesColumn(names).read({ inode: 1 }) as readonly object[];
  const { processes } = detailLimits;
  expect(found.slice(0, processes)).toEqual(
    Array.from({ length: processes }, (_, index) => ({
      pid: index + 1,
      fd: 3,
      comm: "fork",
      user: "nobody",
      cmdline: ["a"],
    })),
  );
  expect(found.slice(processes)).toEqual(
    Array.from({ length: 2600 - processes }, (_, index) => ({
      pid: processes + index + 1,
      fd: 3,
      comm: "fork",
    })),
  );
});

test("the command lines of one socket have a limit together", () => {
  const long = "x".repeat(4095);
  const { owners, names } = forks(10, { user: "nobody", cmdline: [long] });
  const found = detailsWithin(owners, names);
  const whole = detailLimits.commandLines / (long.length + 1);
  expect(found.map((details) => details?.cmdline?.[0])).toEqual(
    Array.from({ length: 10 }, (_, index) => (index < whole ? long : undefined)),
  );
  expect(found.every((details) => details?.user === "nobody")).toBe(true);
});
