/** Creates worlds: fresh network namespaces with sockets, in which commands can run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FactoryName } from "./factories.ts";

const root = process.getuid?.() === 0;
/** Without root, use a user namespace in which we are root. */
export const unshare = ["unshare", ...(root ? [] : ["--user", "--map-root-user"]), "--net", "--"];

/** Why network namespaces cannot be created; undefined if they can. */
export const obstacle: string | undefined = (() => {
  for (const program of ["unshare", "nsenter"])
    if (Bun.which(program) === null) return `${program} is not installed`;
  const { success, stderr } = Bun.spawnSync([...unshare, "true"], { stderr: "pipe" });
  return success ? undefined : stderr.toString().trim();
})();

/** Output of a command, one character per byte, and its exit status. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | null;
}

/** A network namespace with sockets in it. */
export interface World extends AsyncDisposable {
  /** The process that holds the sockets. */
  readonly pid: number;
  /** Runs a command in it. */
  run(command: readonly string[]): Outcome;
}

/** Makes a world with the sockets of as many factories. */
export function makeWorld(names: readonly FactoryName[]): Promise<World> {
  return startWorld("world.ts", names);
}

/**
 * Makes a world with the sockets that a script beside this file makes.
 *
 * @param args what the script is given after a folder for its files
 */
export async function startWorld(script: string, args: readonly string[]): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-"));
  const program = [process.execPath, join(import.meta.dirname, script)];
  const owner = Bun.spawn([...unshare, ...program, folder, ...args], { stdin: "pipe", stderr: "inherit" });
  const user = root ? [] : ["--user", "--preserve-credentials"];
  const enter = ["nsenter", "--target", `${owner.pid}`, ...user, "--net", "--"];
  const { value } = await owner.stdout.getReader().read();
  if (value === undefined) throw new Error(`No world with ${args.join(", ")}`);
  return {
    pid: owner.pid,
    run(command) {
      const { stdout, stderr, exitCode } = Bun.spawnSync([...enter, ...command], { stderr: "pipe" });
      return { stdout: stdout.toString("latin1"), stderr: stderr.toString("latin1"), exit: exitCode };
    },
    async [Symbol.asyncDispose]() {
      owner.stdin.end();
      await owner.exited;
      rmSync(folder, { recursive: true });
    },
  };
}
