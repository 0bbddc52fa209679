import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileName, storeFiles } from "./folder.ts";

const folder = mkdtempSync(join(tmpdir(), "sockscope-store-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("storeFiles() lists regular files only", () => {
  const [whole, linked, fifo] = [1, 2, 3].map((number) => fileName(number, 0)) as [string, string, string];
  writeFileSync(join(folder, whole), "");
  symlinkSync(join(folder, whole), join(folder, linked));
  expect(Bun.spawnSync(["mkfifo", join(folder, fifo)]).success).toBeTrue();
  expect(storeFiles(folder)).toEqual([{ number: 1, name: whole }]);
});

test("storeFiles() names the command that makes a store where there is none", () => {
  expect(() => storeFiles("/nonexistent/store")).toThrow(
    'cannot read the store /nonexistent/store: No such file or directory ("sockscope record" makes one)',
  );
});
