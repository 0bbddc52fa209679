import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { adviceFor, fillCommand, inNetns, shellWord } from "./advice.ts";
import { pingPayload } from "./endpoint.ts";

/** The words as a real shell splits them, each followed by NUL. */
function wordsOf(command: string): string[] {
  const { stdout, exitCode } = Bun.spawnSync(["/bin/sh", "-c", `printf '%s\\0' ${command}`]);
  expect(exitCode).toBe(0);
  return stdout.toString().split("\0").slice(0, -1);
}

const hostile = [
  "x;touch PWNED",
  "$(id)",
  "`id`",
  "a b",
  "it's",
  "''",
  "\\",
  "-K",
  "",
  "*",
  "~",
  "#x",
  "a\nb",
  "é|é",
];

describe("shellWord()", () => {
  test("is one word for a shell, whatever the text", () => {
    expect(wordsOf(hostile.map(shellWord).join(" "))).toEqual(hostile);
    const text = fc.string({ unit: "grapheme" }).filter((each) => !each.includes("\0"));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
        expect(wordsOf(texts.map(shellWord).join(" "))).toEqual(texts);
      }),
      { numRuns: 50 },
    );
  });

  test("leaves ordinary words as they are", () => {
    for (const word of ["8080", "10.0.0.1", "::1", "/run/web.sock", "@x", "10.0.0.0/24"])
      expect(shellWord(word)).toBe(word);
  });
});

describe("fillCommand()", () => {
  test.each<[command: string, fill: Parameters<typeof fillCommand>[1], filled: string | undefined]>([
    ["ss -tlnp sport = :PORT", { PORT: 80 }, "ss -tlnp sport = :80"],
    ["strace -p PID", {}, undefined],
    ["ss dst ADDRESS dport = :PORT", { ADDRESS: "::1", PORT: 1 }, "ss dst '[::1]' dport = :1"],
    ["ss dst ADDRESS", { ADDRESS: "2001:db8::/64" }, "ss dst '[2001:db8::/64]'"],
    ["ping ADDRESS", { ADDRESS: "::1" }, "ping ::1"],
    ["getent ahosts HOST", { HOST: "a;b" }, "getent ahosts 'a;b'"],
    ["cat /proc/PID/task/*/wchan", { PID: 5 }, "cat /proc/5/task/*/wchan"],
    ["sysctl net.core.somaxconn", {}, "sysctl net.core.somaxconn"],
  ])("%s with %p", (command, fill, filled) => {
    expect(fillCommand(command, fill)).toBe(filled as string);
  });
});

describe("inNetns()", () => {
  test.each<[command: string, netns: Parameters<typeof inNetns>[1], entered: string | undefined]>([
    ["ss -tln", { name: "web", pid: 5 }, "ss -N web -tln"],
    ["sockscope -tK src 1.2.3.4", { name: "web", pid: 5 }, "sockscope -N web -tK src 1.2.3.4"],
    ["sockscope events -tp", { name: "web", pid: 5 }, "ip netns exec web sockscope events -tp"],
    ["nstat -az", { name: "web", pid: 5 }, "ip netns exec web nstat -az"],
    ["nstat -az", { name: "a;b", pid: 5 }, "ip netns exec 'a;b' nstat -az"],
    ["ss -tln", { name: undefined, pid: 5 }, "nsenter -t 5 -n -- ss -tln"],
    ["ss -tln", { name: undefined, pid: undefined }, undefined],
  ])("%s in %p", (command, netns, entered) => {
    expect(inNetns(command, netns)).toBe(entered as string);
  });
});

test("adviceFor() leaves out what cannot be filled in, and enters no namespace for processes", () => {
  const advice = [
    { text: "a", command: "strace -p PID", scope: "host" as const },
    { text: "b", command: "ss sport = :PORT" },
    { text: "c" },
  ];
  expect(adviceFor(advice, { PID: 5 }, { name: "web", pid: 7 })).toEqual([
    { text: "a", command: "strace -p 5" },
    { text: "c" },
  ]);
});

test.each([
  ["192.0.2.1", undefined, 1472],
  ["2001:db8::1", undefined, 1452],
  ["192.0.2.1", 1400, 1372],
  ["2001:db8::1", 9000, 8952],
  ["192.0.2.1", 0, 1472],
])("a ping of full size to %s with a path MTU of %p sends %d bytes", (address, pmtu, payload) => {
  expect(pingPayload(address, pmtu)).toBe(payload);
});
