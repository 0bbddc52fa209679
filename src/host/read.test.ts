import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBounded } from "./host.ts";
import { liveFiles } from "./live.ts";
import { readRegularFile } from "./read.ts";

const scratch = mkdtempSync(join(tmpdir(), "read-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const uid = process.getuid!();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("a bounded read gives the beginning, and says whether there is more", () => {
  const path = join(scratch, "ten");
  writeFileSync(path, "0123456789");
  const read = (limit: number) => {
    const { bytes, cut } = readBounded(liveFiles, path, { limit });
    return [text(bytes), cut];
  };
  expect(read(4)).toEqual(["0123", true]);
  expect(read(9)).toEqual(["012345678", true]);
  expect(read(10)).toEqual(["0123456789", false]);
  expect(read(1 << 20)).toEqual(["0123456789", false]);
});

test("a bounded read of something endless ends", () => {
  const { bytes, cut } = readBounded(liveFiles, "/dev/zero", { limit: 200_000 });
  expect([bytes.length, cut]).toEqual([200_000, true]);
});

test("a file that is missing is a system error", () => {
  const read = () => liveFiles.read(join(scratch, "missing"), { limit: 1 });
  expect(read).toThrow(expect.objectContaining({ code: "ENOENT", errno: -2 }));
});

describe("a file in a user's home", () => {
  const folder = join(scratch, "home");
  mkdirSync(join(folder, "below"), { recursive: true });
  writeFileSync(join(folder, "below/file"), "content");
  const read = (name: string, owner = uid) =>
    text(liveFiles.read(join(folder, name), { limit: 100, stranger: { uid: owner, folder } }));

  test("is read if it is a regular file of that user", () => {
    expect(read("below/file")).toBe("content");
    expect(() => read("below/file", uid + 1)).toThrow("EPERM");
  });

  test.skipIf(uid !== 0)("is not read if it is another user's (needs root)", () => {
    writeFileSync(join(folder, "strangers"), "");
    chownSync(join(folder, "strangers"), 65534, 65534);
    expect(() => read("strangers")).toThrow("EPERM");
    expect(read("strangers", 65534)).toBe("");
  });

  test("is not opened behind a link, even if only a folder is a link", () => {
    symlinkSync("file", join(folder, "below/link"));
    symlinkSync("below", join(folder, "folder"));
    symlinkSync("/dev/zero", join(folder, "zero"));
    for (const name of ["below/link", "folder/file", "zero"]) expect(() => read(name)).toThrow("ELOOP");
  });

  test("does not wait for a FIFO, and does not read outside the home or on another mount", () => {
    Bun.spawnSync(["mkfifo", join(folder, "fifo")]);
    expect(() => read("fifo")).toThrow("EPERM");
    expect(() => read("../ten")).toThrow("EPERM");
    const elsewhere = { limit: 1, stranger: { uid: 0, folder: "/" } };
    expect(() => liveFiles.read("/proc/version", elsewhere)).toThrow("EXDEV");
  });
});

test("readRegularFile() takes regular files only, up to a length", () => {
  const path = join(scratch, "regular");
  writeFileSync(path, "abc");
  expect(text(readRegularFile(path, 3))).toBe("abc");
  expect(() => readRegularFile(path, 2)).toThrow("EFBIG");
  expect(() => readRegularFile(scratch, 2)).toThrow("EISDIR");
  expect(() => readRegularFile("/dev/zero", 2)).toThrow("EINVAL");
});
