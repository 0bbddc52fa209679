import { describe, expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import type { Host } from "../host/host.ts";
import { sourcesOf } from "../procfs/source.ts";
import { reporter } from "./report.ts";
import type { World } from "./world.ts";

const stat = (pid: number, state = "S") => ({ stat: `${pid} (x) ${state} 1 1 1 0 -1 4194560 0` });
const host = { files: filesOf({ proc: { 1: stat(1), 2: stat(2), 3: stat(3, "Z") } }) } as unknown as Host;

describe("processes whose descriptors cannot be read", () => {
  const note = (pids: readonly number[], terminalColumns: number | undefined) => {
    let text = "";
    const write = (bytes: Uint8Array) => {
      text += new TextDecoder().decode(bytes);
    };
    const world = { program: "ss", stderr: { write, terminalColumns } } as unknown as World;
    reporter(world, host, sourcesOf({}))({ kind: "unreadable", pids });
    return text;
  };

  test("are reported in one line on a terminal", () => {
    expect(note([1, 2, 3, 4], 80)).toBe(
      "ss: cannot read the descriptors of 2 processes: their sockets show no owner\n",
    );
    expect(note([1], 80)).toContain("of 1 process:");
  });

  test("are not reported on a pipe, or after they have exited", () => {
    expect(note([1, 2], undefined)).toBe("");
    expect(note([3, 4], 80)).toBe("");
    expect(note([], 80)).toBe("");
  });
});
