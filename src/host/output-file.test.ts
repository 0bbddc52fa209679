import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openOutputFile } from "./output-file.ts";

const scratch = mkdtempSync(join(tmpdir(), "output-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const STRANGER = 65534;

function write(path: string, text: string): void {
  const fd = openOutputFile(path);
  writeSync(fd, text);
  closeSync(fd);
}

test("a new file is readable by us alone, and an existing one is replaced", () => {
  const path = join(scratch, "new");
  write(path, "first, and longer");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  chmodSync(path, 0o644);
  write(path, "second");
  expect(readFileSync(path, "utf8")).toBe("second");
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

test("our own link is followed, but does not create a file", () => {
  const target = join(scratch, "target");
  writeFileSync(target, "before");
  symlinkSync(target, join(scratch, "link"));
  write(join(scratch, "link"), "after");
  expect(readFileSync(target, "utf8")).toBe("after");
  symlinkSync(join(scratch, "nowhere"), join(scratch, "dangling"));
  expect(() => write(join(scratch, "dangling"), "")).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test.skipIf(process.getuid?.() !== 0)(
  "in a shared folder, what a stranger put there is refused (needs root)",
  () => {
    const shared = join(scratch, "shared");
    mkdirSync(shared);
    // Without the sticky bit, so that the kernel's own protection does not apply.
    chmodSync(shared, 0o777);
    const target = join(scratch, "victim");
    writeFileSync(target, "before");
    symlinkSync(target, join(shared, "link"));
    lchownSync(join(shared, "link"), STRANGER, STRANGER);
    expect(lstatSync(join(shared, "link")).uid).toBe(STRANGER);
    writeFileSync(join(shared, "file"), "before");
    chownSync(join(shared, "file"), STRANGER, STRANGER);
    for (const name of ["link", "file"])
      expect(() => write(join(shared, name), "after")).toThrow(expect.objectContaining({ code: "EACCES" }));
    expect(readFileSync(target, "utf8")).toBe("before");
    // Elsewhere root writes other users' files, as ss does.
    chmodSync(shared, 0o755);
    write(join(shared, "file"), "after");
    expect(readFileSync(join(shared, "file"), "utf8")).toBe("after");
  },
);
