/**
 * Makes network namespaces with a few TCP connections each, held by a process in each of them, prints the ids of these
 * processes as JSON, and keeps them until its standard input ends.
 *
 * Usage: namespaces.ts NAMESPACES CONNECTIONS
 */
import { libc } from "#libc";
import { CLONE_NEWNET } from "../src/host/netns.ts";
import { AF_INET, SOCK_STREAM } from "../src/model/family.ts";
import { accept, addressOf, connect, ipv4, listen, loopbackUp, open, openAt } from "../test/kernel/c.ts";

const BACKLOG = 16;

function makeConnections(count: number): void {
  const listener = openAt(ipv4("127.0.0.1"), SOCK_STREAM);
  listen(listener, BACKLOG);
  const target = addressOf(listener);
  for (let made = 0; made < count; made++) {
    connect(open(AF_INET, SOCK_STREAM), target);
    accept(listener);
  }
}

/** Makes a namespace. @returns the process that keeps it */
function makeNamespace(connections: number): Bun.Subprocess {
  const failed = libc.unshare(CLONE_NEWNET);
  if (failed < 0) throw new Error(`unshare: ${libc.strerror(-failed)}`);
  if (connections > 0) {
    loopbackUp();
    makeConnections(connections);
  }
  return Bun.spawn(["sleep", "infinity"], { stdio: ["ignore", "ignore", "ignore"] });
}

/** Starts this program. @returns the process ids, and what ends it */
export async function makeNamespaces(
  namespaces: number,
  connections: number,
): Promise<{ readonly pids: readonly number[]; end(): Promise<unknown> }> {
  const program = [process.execPath, import.meta.path, `${namespaces}`, `${connections}`];
  const { stdin, stdout, exited } = Bun.spawn(program, { stdin: "pipe", stderr: "inherit" });
  const { value } = await stdout.getReader().read();
  if (value === undefined) throw new Error("The namespaces cannot be made");
  const end = () => {
    stdin.end();
    return exited;
  };
  return { pids: JSON.parse(new TextDecoder().decode(value)), end };
}

if (import.meta.main) {
  const [namespaces, connections] = process.argv.slice(2).map(Number) as [number, number];
  const holders = Array.from({ length: namespaces }, () => makeNamespace(connections));
  console.log(JSON.stringify(holders.map(({ pid }) => pid)));
  await Bun.stdin.bytes();
  for (const holder of holders) holder.kill();
  process.exit();
}
