import { expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import type { Files } from "../host/host.ts";
import { OwnerCache } from "./owners.ts";

test("signals are let in while a large table is searched for new sockets", async () => {
  const owners = new OwnerCache(filesOf({ proc: {} }), "/proc");
  let turns = 0;
  const inodes = Array.from({ length: 100_000 }, (_, index) => index + 1);
  await owners.find(inodes, () => {
    turns++;
    return undefined;
  });
  // Once among the sockets to look for, once among the sockets that were found or not.
  expect(turns).toBeGreaterThan(150);
});

test("a thread that is gone is not looked up for each of its sockets, but again some milliseconds later", () => {
  const processes: Record<string, Record<string, string>> = {};
  let reads = 0;
  const files: Files = {
    ...filesOf({ proc: {} }),
    link: (path) => (path.endsWith("/ns/pid") ? "pid:[4026531836]" : "net:[7]"),
    read(path) {
      reads++;
      const [, , pid = "", name = ""] = path.split("/");
      const text = processes[pid]?.[name];
      if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
      return new TextEncoder().encode(text);
    },
  };
  const owners = new OwnerCache(files, "/proc");
  const calls = 1000;
  for (let call = 0; call < calls; call++) expect(owners.byThread(5, call)).toBeUndefined();
  expect(reads).toBeLessThan(calls / 2);
  processes["5"] = { status: "Tgid:\t5\n", stat: "5 (curl) S" };
  Bun.sleepSync(20);
  expect(owners.byThread(5, calls)?.[0]?.pid).toBe(5);
  expect(owners.netns(5, calls)).toBe(7);
});
