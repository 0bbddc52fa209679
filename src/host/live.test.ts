import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cgroup2Mount, ipText, liveFiles, walkCgroups } from "./live.ts";

const scratch = mkdtempSync(join(tmpdir(), "live-host-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("the first cgroup2 mount, unescaped", () => {
  expect(cgroup2Mount("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /x cgroup rw 0 0\n")).toBeUndefined();
  expect(cgroup2Mount("a /a tmpfs rw 0 0\nnone /c\\040d cgroup2 rw 0 0\nnone /e cgroup2 rw 0 0\n")).toBe(
    "/c d",
  );
});

test("a cgroup's id is its inode", () => {
  mkdirSync(join(scratch, "tree/a/b"), { recursive: true });
  writeFileSync(join(scratch, "tree/cgroup.procs"), "");
  symlinkSync("..", join(scratch, "tree/a/loop"));
  const inode = (path: string) => statSync(join(scratch, "tree", path), { bigint: true }).ino;
  expect([...walkCgroups(join(scratch, "tree"))]).toEqual([
    [inode("."), "/"],
    [inode("a"), "/a"],
    [inode("a/b"), "/a/b"],
  ]);
  expect([...walkCgroups(join(scratch, "missing"))]).toEqual([]);
});

test("ipText() writes an address in the plainest form", () => {
  expect(ipText(Uint8Array.of(192, 0, 2, 1))).toBe("192.0.2.1");
  const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1);
  expect(ipText(mapped)).toBe("0:0:0:0:0:ffff:c000:201");
});

test("a file that is not a link has no target", () => {
  writeFileSync(join(scratch, "plain"), "text");
  expect(liveFiles.link(join(scratch, "plain"))).toBeUndefined();
  expect(liveFiles.list(scratch)).toContain("plain");
});
