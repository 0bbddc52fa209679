import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { liveFiles } from "../host/live.ts";
import { replayHost } from "./host.ts";

test("a replay does not use this machine's iproute2 names or its kernel's SELinux context", () => {
  const folder = mkdtempSync(join(tmpdir(), "replay-"));
  try {
    mkdirSync(join(folder, "proc"));
    const elsewhere = { ...liveFiles, read: (path: string) => Buffer.from(path) };
    const { files } = replayHost(folder, elsewhere);
    expect(Buffer.from(files.read("/etc/services")).toString()).toBe("/etc/services");
    for (const path of [
      "/etc/iproute2/nl_protos",
      "/usr/share/iproute2/nl_protos",
      "/sys/fs/selinux/initial_contexts/kernel",
    ])
      expect(() => files.read(path)).toThrow("ENOENT");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
