import { describe, expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import { filesBelow, processTable } from "./host-facts.ts";

const stat = (pid: number, name: string) => `${pid} (${name}) S 1 1 1 0 -1 4194560 0 0 0 0`;
const limits = (soft: number | string) =>
  `Limit  Soft Limit  Hard Limit  Units\nMax open files  ${soft}  4096  files\n`;
const fds = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, fd) => [fd, "/dev/null"]));

const files = filesOf({
  proc: {
    7: { stat: stat(7, "near"), limits: limits(10), status: "FDSize:\t16\n", fd: fds(9), exe: "/bin/near" },
    // So few slots cannot be near the limit: descriptors are not counted.
    8: { stat: stat(8, "far"), limits: limits(1024), status: "FDSize:\t64\n", fd: fds(40), exe: "/bin/far" },
    9: { stat: stat(9, "hidden"), limits: limits(10), status: "FDSize:\t64\n" },
    10: { stat: stat(10, "unlimited"), limits: limits("unlimited"), fd: fds(3), exe: "/bin/unlimited" },
    // A kernel thread.
    11: { stat: "11 (kworker) S 1 1 1 0 -1 2097152 0 0 0 0", limits: limits(1024) },
    12: { stat: stat(12, "curl"), cmdline: "curl\0http://db.example:80/\0\0", exe: "/bin/curl", fd: fds(1) },
    13: {
      stat: "13 (web) T 1 1 1 0 -1 0",
      exe: "/bin/web (deleted)",
      fd: { 0: "/dev/null", 3: "socket:[77]" },
    },
    sys: { net: { ipv4: { ip_local_port_range: "1024\t65535\n" } } },
  },
});

describe("processTable()", () => {
  test("counts the descriptors of processes that may be near their limit", () => {
    expect(processTable(files, "/proc").descriptors()).toEqual([
      { pid: 7, name: "near", open: 9, limit: 10 },
    ]);
  });

  test("uses the kernel's own count if there is one", () => {
    const counted = {
      ...files,
      descriptorCount: (directory: string) => (directory === "/proc/8/fd" ? 1000 : undefined),
    };
    expect(processTable(counted, "/proc").descriptors()).toEqual([
      { pid: 7, name: "near", open: 9, limit: 10 },
      { pid: 8, name: "far", open: 1000, limit: 1024 },
    ]);
  });

  test("reports which processes it may not read", () => {
    expect(processTable(files, "/proc").unreadable()).toEqual([9]);
  });

  test("finds the sockets of one process", () => {
    const { socketsOf } = processTable(files, "/proc");
    expect([...socketsOf(13)]).toEqual([77]);
    expect([...socketsOf(99)]).toEqual([]);
  });

  test("has name, state and executable of each process, and no kernel threads", () => {
    const { processes, processState } = processTable(files, "/proc");
    expect(processes().map(({ pid }) => pid)).toEqual([7, 8, 9, 10, 12, 13]);
    expect(processes().at(-1)).toEqual({
      pid: 13,
      name: "web",
      state: "T",
      executable: "/bin/web (deleted)",
    });
    expect([processState(13), processState(99)]).toEqual(["T", undefined]);
  });

  test("gives the arguments of a process", () => {
    const { commandLine } = processTable(files, "/proc");
    expect(commandLine(12)).toEqual(["curl", "http://db.example:80/", ""]);
    expect(commandLine(99)).toEqual([]);
  });
});

test("filesBelow() returns text and numbers, or undefined", () => {
  const { file, numbers } = filesBelow(files, "/proc");
  expect(numbers("sys/net/ipv4/ip_local_port_range")).toEqual([1024, 65535]);
  expect(file("sys/net/ipv4/nothing")).toBeUndefined();
  expect(numbers("sys/net/ipv4/nothing")).toEqual([]);
});
