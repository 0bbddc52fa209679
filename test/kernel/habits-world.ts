/** The world of the commands that take the place of other programs: their own network and processes. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "./namespace.ts";

/** Why such a world cannot be made, if that is so. */
export function habitObstacle(program: string): string | undefined {
  if (process.getuid?.() !== 0) return "only root can make it";
  for (const each of [program, "unshare", "nsenter", "setpriv", "script"])
    if (Bun.which(each) === null) return `${each} is not installed`;
  return undefined;
}

/** How a command is run. */
export interface Manner {
  /** The user; root by default. */
  readonly uid?: number;
  /** Columns of the terminal that it runs on; a pipe if left out. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A world. */
export interface HabitWorld extends AsyncDisposable {
  readonly folder: string;
  /** Runs a command in it. */
  run(command: readonly string[], manner?: Manner): Outcome;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Makes a world. */
export async function makeHabitWorld(): Promise<HabitWorld> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-habits-"));
  const isolate = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
  const program = [process.execPath, join(import.meta.dirname, "habits-script.ts"), folder];
  const owner = Bun.spawn([...isolate, ...program], { stdin: "pipe", stderr: "inherit" });
  const { value } = await owner.stdout.getReader().read();
  if (value === undefined) throw new Error("No world");
  const [first] = readFileSync(`/proc/${owner.pid}/task/${owner.pid}/children`, "utf8").split(" ");
  const enter = ["nsenter", "--target", first!, "--net", "--pid", "--mount", "--"];
  return {
    folder,
    run(command, { uid, columns, env = {} } = {}) {
      const user =
        uid === undefined
          ? []
          : ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", "--"];
      const line = [...user, ...command];
      const whole =
        columns === undefined
          ? line
          : ["script", "-qec", `stty cols ${columns}; ${line.map(quoted).join(" ")}`, "/dev/null"];
      const { stdout, stderr, exitCode } = Bun.spawnSync([...enter, ...whole], {
        stderr: "pipe",
        stdin: "ignore",
        env: { PATH: process.env["PATH"]!, LC_ALL: "C.UTF-8", ...env },
      });
      return { stdout: stdout.toString("latin1"), stderr: stderr.toString("latin1"), exit: exitCode };
    },
    async [Symbol.asyncDispose]() {
      owner.stdin.end();
      owner.kill("SIGKILL");
      await owner.exited;
      rmSync(folder, { recursive: true });
    },
  };
}
