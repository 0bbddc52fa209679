/** Makes connections in this network namespace, in processes of their own: see herd.ts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loopbackUp } from "../test/kernel/c.ts";
import { unshare } from "../test/kernel/namespace.ts";

/** The most descriptors that one process takes. */
const DESCRIPTORS = 18_000;
/** Descriptors that it needs for other things: its own files and its listeners. */
const SPARE_DESCRIPTORS = 100;

/** Starts a process that makes connections. */
function startHerd(kind: "tcp" | "unix", number: number, connections: number, descriptors: number) {
  const program = [
    process.execPath,
    join(import.meta.dirname, "herd.ts"),
    kind,
    `${number}`,
    `${connections}`,
  ];
  const command = ["sh", "-c", `ulimit -n ${descriptors} && exec "$@"`, "sh", ...program];
  return Bun.spawn(command, { stdin: "pipe", stderr: "inherit" });
}

/** Starts the processes that hold so many sockets. @returns what ends them */
export async function makeSockets(
  sockets: number,
  kind: "tcp" | "unix" = "tcp",
): Promise<() => Promise<void>> {
  const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
  const limit = Math.min(DESCRIPTORS, Number(hard ?? DESCRIPTORS));
  const most = (limit - SPARE_DESCRIPTORS) >> 1;
  const herds: ReturnType<typeof startHerd>[] = [];
  for (let left = sockets >> 1; left > 0; left -= most) {
    herds.push(startHerd(kind, herds.length, Math.min(left, most), limit));
  }
  for (const { stdout } of herds) {
    const { value } = await stdout.getReader().read();
    if (value === undefined) throw new Error("The sockets cannot be made");
  }
  return async () => {
    for (const { stdin } of herds) stdin.end();
    await Promise.all(herds.map(({ exited }) => exited));
  };
}

/**
 * Measures beside TCP sockets, in a network namespace of its own: starts the program again inside a new one.
 *
 * @param program the file that calls this, which takes the option `--inside`
 * @param inside whether this process is the one inside
 */
export async function withSockets(
  program: string,
  inside: boolean,
  sockets: number,
  measure: () => Promise<void>,
): Promise<void> {
  if (inside) {
    loopbackUp();
    const end = await makeSockets(sockets);
    await measure();
    await end();
    return;
  }
  const command = [...unshare, process.execPath, program, "--inside", ...process.argv.slice(2)];
  process.exitCode = await Bun.spawn(command, { stdio: ["ignore", "inherit", "inherit"] }).exited;
}
