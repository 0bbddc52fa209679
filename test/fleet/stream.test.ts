/**
 * The stream of a fleet on a real nats-server: whatever is killed, each event is shown once. SOAK_SECONDS says for how
 * long.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { natsServer, type RunningNatsServer, startNatsServer } from "./nats-server.ts";

const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 4);
const agentScript = join(import.meta.dirname, "stream-agent.ts");
const executable = join(import.meta.dirname, "../../dist/sockscope");
const PATIENCE_MS = 30_000;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-stream-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`timed out: ${what}`);
    await Bun.sleep(20);
  }
}

/** A server that can be killed and comes back with what it had. */
async function lastingServer() {
  const folder = scratch();
  let server: RunningNatsServer = await startNatsServer({ folder });
  cleanups.push(() => server.kill());
  const { url, port } = server;
  return {
    url,
    kill: () => server.kill(),
    async restart() {
      server = await startNatsServer({ folder, port });
    },
  };
}

/** An agent that can be killed; what it has said that it kept is known. */
function lastingAgent(url: string, host: string) {
  const folder = join(scratch(), "spool");
  const kept = new Map<number, number>();
  let run = 0;
  let child: Bun.Subprocess | undefined;
  let read: Promise<void> = Promise.resolve();
  const start = (most = 1_000_000) => {
    const number = ++run;
    const running = Bun.spawn(["bun", agentScript, url, host, folder, String(number), String(most)], {
      stdout: "pipe",
      stderr: "ignore",
    });
    child = running;
    read = (async () => {
      let rest = "";
      for await (const chunk of running.stdout) {
        const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
        rest = lines.pop()!;
        for (const line of lines) kept.set(number, Number(line.slice("kept ".length)));
      }
    })();
  };
  const kill = async () => {
    child?.kill("SIGKILL");
    await child?.exited;
    await read;
  };
  cleanups.push(kill);
  return { host, kept, start, kill };
}

interface Shown {
  readonly host: string;
  readonly id: string;
  readonly event: string;
  readonly uid: number;
  readonly inode: number;
}

/** `events --fleet`, as a process. */
function reader(url: string, folder: string, number: number, ...options: string[]) {
  const path = join(folder, `out-${number}`);
  writeFileSync(path, "");
  const child = Bun.spawn([executable, "events", "--fleet", url, "--json", ...options], {
    stdout: Bun.file(path),
    stderr: "pipe",
  });
  cleanups.push(() => child.kill("SIGKILL"));
  return {
    child,
    shown: (): Shown[] =>
      readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line.endsWith("}"))
        .map((line) => JSON.parse(line) as Shown),
    async end(signal: NodeJS.Signals) {
      child.kill(signal);
      await child.exited;
      return child.exitCode;
    },
  };
}

/** What is wrong with what was shown of an agent: every event that was kept must be there, once and in order. */
function faults({ host, kept }: ReturnType<typeof lastingAgent>, shown: readonly Shown[]): string[] {
  const found: string[] = [];
  const last = new Map<number, number>();
  for (const { host: from, event, uid, inode } of shown) {
    if (from !== host) continue;
    if (event !== "open") found.push(`an event ${event}`);
    else if (inode !== (last.get(uid) ?? 0) + 1)
      found.push(`run ${uid}: ${inode} after ${last.get(uid) ?? 0}`);
    last.set(uid, inode);
  }
  for (const [run, count] of kept)
    if ((last.get(run) ?? 0) < count) found.push(`run ${run}: ${last.get(run) ?? 0} of ${count}`);
  return found.slice(0, 5);
}

describe.skipIf(natsServer === undefined)("the stream of a fleet", () => {
  test(
    "server, agents and readers are killed, and each event is shown once",
    async () => {
      const server = await lastingServer();
      const folder = scratch();
      const cursor = join(folder, "cursor");
      const agents = ["web1", "db1.example"].map((host) => lastingAgent(server.url, host));
      for (const { start } of agents) start();
      const readers = [reader(server.url, folder, 0, "--since", "-1h", "--cursor-file", cursor)];
      const statuses: (number | null)[] = [];
      const nextReader = async () => {
        statuses.push(await readers.at(-1)!.end("SIGTERM"));
        readers.push(reader(server.url, folder, readers.length, "--cursor-file", cursor));
      };
      await until(() => readers[0]!.shown().length > 200, "the first events");
      const end = performance.now() + SECONDS * 1000;
      for (let round = 0; performance.now() < end; round++) {
        await server.kill();
        if (round % 2 === 0) await agents[0]!.kill();
        await Bun.sleep(Math.random() * 500);
        if (round % 2 === 0) agents[0]!.start();
        await server.restart();
        await Bun.sleep(Math.random() * 1000);
        await agents[1]!.kill();
        await nextReader();
        agents[1]!.start();
        const before = readers.at(-1)!.shown().length;
        await until(() => readers.at(-1)!.shown().length > before + 100, "further events");
      }
      // The last runs make nothing: they deliver what is in their spools.
      for (const { kill, start } of agents) {
        await kill();
        start(0);
      }
      await nextReader();
      const all = () => readers.flatMap((each) => each.shown());
      await until(() => agents.every((agent) => faults(agent, all()).length === 0), "the last events").catch(
        () => undefined,
      );
      statuses.push(await readers.at(-1)!.end("SIGTERM"));
      for (const agent of agents) expect(faults(agent, all())).toEqual([]);
      expect(new Set(all().map(({ id }) => id)).size).toBe(all().length);
      // The signal can come before a reader has begun.
      expect(new Set(statuses.filter((status) => status !== null))).toEqual(new Set([128 + 15]));
      expect(existsSync(cursor)).toBe(true);
    },
    SECONDS * 4000 + 60_000,
  );
});
