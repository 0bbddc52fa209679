import { describe, expect, test } from "bun:test";
import { filesOf } from "../../test/tree.ts";
import type { Host } from "../host/host.ts";
import { blankDraft } from "./options.ts";
import { noteUnreadable, tellsPeers } from "./owners.ts";
import type { World } from "./world.ts";

const stat = (pid: number, state = "S") => ({ stat: `${pid} (x) ${state} 1 1 1 0 -1 4194560 0` });
const host = { files: filesOf({ proc: { 1: stat(1), 2: stat(2), 3: stat(3, "Z") } }) } as unknown as Host;

describe("noteUnreadable()", () => {
  const note = (pids: readonly number[], terminalColumns: number | undefined) => {
    let text = "";
    const write = (bytes: Uint8Array) => {
      text += new TextDecoder().decode(bytes);
    };
    const world = { program: "ss", stderr: { write, terminalColumns } } as unknown as World;
    noteUnreadable(world, host, "/proc", pids);
    return text;
  };

  test("one line, where a person reads it", () => {
    expect(note([1, 2, 3, 4], 80)).toBe(
      "ss: the descriptors of 2 processes may not be read: their sockets show no owner\n",
    );
    expect(note([1], 80)).toContain("of 1 process may");
  });

  test("nothing in a pipe, nor of processes that are gone", () => {
    expect(note([1, 2], undefined)).toBe("");
    expect(note([3, 4], 80)).toBe("");
    expect(note([], 80)).toBe("");
  });
});

test("peers are told with --peer, and of UNIX sockets wherever all is told", () => {
  const tells = (changes: object) => tellsPeers({ ...blankDraft, ...changes });
  expect(tells({ processes: true, peer: true })).toBe(true);
  expect(tells({ processes: true, format: "json" })).toBe(true);
  expect(tells({ processes: true })).toBe(false);
  expect(tells({ format: "json" })).toBe(false);
});
