import { expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import { commandLine, commandLineLimits, cutMark, processDetails } from "./process-details.ts";
import type { Owner } from "./processes.ts";

const stat = "7 (a) b) S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 12345 0 0";

function owner(pid: number, text: string): Owner {
  const context = { processContext: undefined, socketContext: undefined };
  return { pid, tid: pid, fd: 3, stat: new TextEncoder().encode(text), ...context };
}

const files = filesOf({
  proc: {
    stat: "cpu 1 2 3\nbtime 1700000000\n",
    7: { status: "Name:\ta\nUid:\t1000\t33\t33\t33\n", exe: "/usr/sbin/a", cmdline: "a\0--flag\0\0" },
    8: { status: "Uid:\t0\t4242\t0\t0\n", cmdline: "" },
  },
  etc: { passwd: "www-data:x:33:33::/var/www:/bin/false\nother:x:33:33:::\n" },
});

test("all facts about a process", () => {
  expect(processDetails(files, "/proc")(owner(7, stat))).toEqual({
    uid: 33,
    user: "www-data",
    exe: "/usr/sbin/a",
    cmdline: ["a", "--flag", ""],
    startTime: "2023-11-14T22:15:23.450Z",
  });
});

test("a fact that cannot be read is absent", () => {
  const details = processDetails(files, "/proc");
  expect(details(owner(8, ""))).toEqual({ uid: 4242 });
  expect(details(owner(9, ""))).toEqual({});
});

// Found by the properties of test/fuzz/processes.test.ts.
test("a start time that is not a date is absent", () => {
  const details = processDetails(files, "/proc");
  for (const ticks of ["863830000000001", "x", "1e999"])
    expect(details(owner(20 + ticks.length, stat.replace("12345", ticks)))).toEqual({});
});

test("a long command line loses its middle, and a longer one its end, too", () => {
  const of = (cmdline: string) => commandLine(filesOf({ proc: { 7: { cmdline } } }), "/proc/7");
  const { read, kept, end } = commandLineLimits;
  expect(of(`a\0${"b".repeat(kept - 2)}\0`)).toEqual(["a", "b".repeat(kept - 2)]);
  expect(of(`a\0${"b".repeat(kept - 1)}`)).toEqual([
    "a",
    "b".repeat(kept - end - 2),
    cutMark,
    "b".repeat(end),
  ]);
  const path = "p".repeat(20_000);
  const java = ["java", "-cp", "p".repeat(kept - end - "java -cp ".length), cutMark];
  expect(of(`java\0-cp\0${path}\0Main\0`)).toEqual([...java, "p".repeat(end - " Main".length), "Main"]);
  expect(of(`java\0-cp\0${"p".repeat(read)}\0Main\0`)).toEqual(java);
  // A character that is cut in two.
  expect(of(`a\0${"ü".repeat(kept)}`)).toEqual([
    "a",
    "ü".repeat((kept - end - 2) / 2),
    cutMark,
    "ü".repeat(end / 2),
  ]);
  expect(of(`${"ü".repeat(kept)}a`)!.join("")).toContain(`\u{fffd}ü`);
});
