/** `-K` needs something that chooses sockets: options, states, or a filter that says something. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fixtures } from "../../test/golden/cases.ts";
import { liveHost } from "../host/live.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "kill-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function kill(...args: string[]) {
  let stderr = "";
  const exit = await run({
    program: "ss",
    args: ["--replay", join(fixtures, "kill"), "-K", ...args],
    env: {},
    stdout: { write: () => undefined, terminalColumns: undefined },
    stderr: {
      write: (bytes) => {
        stderr += Buffer.from(bytes).toString();
      },
      terminalColumns: undefined,
    },
    readStdin: () => new Uint8Array(),
    terminal: () => undefined,
    interrupted: () => new AbortController().signal,
    host: liveHost(),
  });
  return { exit, refused: stderr.includes("--kill alone closes every socket") };
}

function file(content: string): string {
  const path = join(folder, `filter-${content.length}`);
  writeFileSync(path, content);
  return path;
}

test.each([
  [[]],
  [["-a"]],
  [[""]],
  [[" "]],
  [["\t ", ""]],
  [["state", "all", ""]],
  [["-F", file("")]],
  [["-F", file("# nothing\n \n")]],
])("-K %j is refused", async (args) => {
  expect(await kill(...args)).toEqual({ exit: 255, refused: true });
});

test.each([
  [["-t"]],
  [["sport = 80"]],
  [["state", "established", ""]],
  [["-F", file("sport = 80\n")]],
  [["--kill-all", " "]],
])("-K %j is not", async (args) => {
  expect((await kill(...args)).refused).toBe(false);
});
