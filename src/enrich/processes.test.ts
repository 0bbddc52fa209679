import { describe, expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import { countProcesses, nameForSs, processContext, processName, scanProcesses } from "./processes.ts";

const encoder = new TextEncoder();

const proc = filesOf({
  proc: {
    self: {},
    7: { stat: "7 (init) S", fd: { 0: "/dev/null", 3: "socket:[100]", 12: "socket:[100]" }, task: { 7: {} } },
    20: {
      stat: "20 (web) S",
      attr: { current: "system_u:system_r:web_t:s0\0" },
      fd: { 3: "socket:[100]", 4: "socket:[200]", x: "socket:[100]" },
      task: {
        20: { stat: "20 (web) S", fd: { 3: "socket:[100]" } },
        21: { stat: "21 (worker) S", fd: { 9: "socket:[100]" } },
      },
    },
    30: { stat: "30 (secret) S" },
  },
});

const plain = { threads: false, processContext: false, socketContext: false };

describe("scanProcesses()", () => {
  test("keeps the owners of the requested inodes, the last found first", () => {
    const { owners } = scanProcesses(proc, "/proc", new Set([100]), plain);
    expect(owners.get(100)?.map(({ pid, fd }) => [pid, fd])).toEqual([
      [20, 3],
      [7, 12],
      [7, 3],
    ]);
    expect(owners.has(200)).toBe(false);
  });

  test("names the processes that may not be read", () => {
    expect(scanProcesses(proc, "/proc", new Set([100]), plain).unreadable).toEqual([30]);
  });

  test("finds all sockets if none are named", () => {
    const { owners } = scanProcesses(proc, "/proc", undefined, plain);
    expect([...owners.inodes()]).toEqual([100, 200]);
  });

  test("reads nothing if no inodes are given", () => {
    const untouchable = new Proxy(proc, { get: () => expect.unreachable("no file is needed") });
    expect(scanProcesses(untouchable, "/proc", new Set(), plain).owners.size).toBe(0);
  });

  test("adds threads that are not the first of their process", () => {
    const { owners } = scanProcesses(proc, "/proc", new Set([100]), { ...plain, threads: true });
    expect(owners.get(100)?.map(({ pid, tid, fd }) => [pid, tid, fd])).toContainEqual([20, 21, 9]);
    expect(owners.get(100)).toHaveLength(4);
  });

  test("reads contexts on request", () => {
    const contexts = { ...plain, processContext: true, socketContext: true };
    const owner = scanProcesses(proc, "/proc", new Set([200]), contexts).owners.get(200)![0]!;
    expect(new TextDecoder().decode(owner.processContext)).toBe("system_u:system_r:web_t:s0");
    expect(new TextDecoder().decode(owner.socketContext)).toBe("socket_of:/proc/20/fd/4");
    const none = scanProcesses(proc, "/proc", new Set([200]), plain).owners.get(200)![0]!;
    expect(none.processContext).toBeUndefined();
  });
});

test("processContext() returns the context of a process or of the kernel, else undefined", () => {
  const files = filesOf({
    proc: { 7: { attr: { current: "user_u:user_r:user_t:s0\n" } }, 8: { attr: { current: "\0" } } },
    sys: { fs: { selinux: { initial_contexts: { kernel: "system_u:system_r:kernel_t:s0\0" } } } },
  });
  const contextOf = (pid: number) => {
    const context = processContext(files, "/proc", pid);
    return context && new TextDecoder().decode(context);
  };
  expect(contextOf(7)).toBe("user_u:user_r:user_t:s0");
  expect(contextOf(0)).toBe("system_u:system_r:kernel_t:s0");
  for (const pid of [8, 9, -1, -4096]) expect(contextOf(pid)).toBeUndefined();
});

test("countProcesses() leaves out the dead, zombies and kernel threads", () => {
  const files = filesOf({
    proc: {
      1: { stat: "1 (a b) S 0 1 1 0 -1 4194560 1" },
      2: { stat: "2 (kthreadd) S 0 0 0 0 -1 2129984 0" },
      3: { stat: "3 (gone) Z 1 3 3 0 -1 4228364 0" },
    },
  });
  expect(countProcesses(files, "/proc", [1, 2, 3, 4])).toBe(1);
});

test.each([
  ["1 (sshd) S", "sshd", "sshd"],
  ["1 (a)b) S", "a", "a)b"],
  ["1 ()) S", "", ")"],
  ["1 ((sd-pam)) S", "(sd-pam", "(sd-pam)"],
  ["1 () S", "", ""],
  ["", "", ""],
])("the name in %p is %p to ss and %p in truth", (stat, ss, truth) => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  expect(text(nameForSs(encoder.encode(stat)))).toBe(ss);
  expect(text(processName(encoder.encode(stat)))).toBe(truth);
});
