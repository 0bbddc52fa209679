import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../src/cli/run.ts";
import { liveHost } from "../../src/host/live.ts";
import { corpusFolder, corpusLines, corpusTrees } from "./netstat-corpus.ts";

/** What the installed netstat printed. */
interface Recorded {
  readonly line: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

/** Runs a command line of netstat in this process, on a recorded tree. */
async function replay(tree: string, line: string, terminalColumns?: number): Promise<Recorded> {
  const out: Uint8Array[] = [];
  const errors: Uint8Array[] = [];
  const exit = await run({
    program: "sockscope",
    args: ["netstat", ...line.split(" ").filter(Boolean)],
    env: { PROC_ROOT: join(corpusFolder, tree) },
    stdout: { write: (bytes) => out.push(bytes.slice()), terminalColumns },
    stderr: { write: (bytes) => errors.push(bytes.slice()), terminalColumns: undefined },
    readStdin: () => new Uint8Array(0),
    terminal: () => undefined,
    interrupted: () => new AbortController().signal,
    host: liveHost(),
  });
  const text = (chunks: readonly Uint8Array[]) => Buffer.concat(chunks).toString("latin1");
  return { line, stdout: text(out), stderr: text(errors), exit };
}

describe.each([...corpusTrees])("netstat on the recorded tree %s", (tree) => {
  const recorded = JSON.parse(readFileSync(join(corpusFolder, `${tree}.json`), "utf8")) as Recorded[];

  test("every command line is recorded", () => {
    expect(recorded.map(({ line }) => line)).toEqual([...corpusLines]);
  });
  test.each(recorded)("netstat $line", async (each) => {
    expect(await replay(tree, each.line)).toEqual(each);
  });
  test.each([20, 80, 300])("a terminal of %i columns gets the same", async (columns) => {
    for (const each of recorded.filter(({ line }) => /^-(tulpn|tanW|6an)$/.test(line)))
      expect(await replay(tree, each.line, columns)).toEqual(each);
  });
});
