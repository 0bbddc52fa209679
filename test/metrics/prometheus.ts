/** Runs Debian's Prometheus and promtool, which `.ci/run` unpacks into dist/prometheus without installing them. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const unpacked = join(import.meta.dirname, "../../dist/prometheus/usr/bin");

function find(name: string): string | undefined {
  const path = join(unpacked, name);
  return existsSync(path) ? path : (Bun.which(name) ?? undefined);
}

/** Paths of the programs; undefined if they are not on this machine. */
export const promtool = find("promtool");
export const prometheus = find("prometheus");

/** Runs promtool. @returns its exit status and all that it prints */
export function runPromtool(args: readonly string[], stdin = ""): { status: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([promtool!, ...args], { stdin: Buffer.from(stdin) });
  return { status: exitCode, output: `${stdout}${stderr}` };
}

/** One series of the answer to a query. */
export interface Answer {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, value: string];
}

/** A Prometheus that scrapes. */
export interface RunningPrometheus extends AsyncDisposable {
  /** Gets a path of its API. @returns the member `data` */
  api(path: string): Promise<unknown>;
  /** Evaluates an expression now. @throws Error with the message of Prometheus */
  query(expression: string): Promise<readonly Answer[]>;
  /** What it has logged. */
  log(): string;
}

/** A port that nobody listens on now. */
function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  return port!;
}

const PATIENCE_MS = 50_000;

/** Waits until something is so. @throws Error if it takes too long */
export async function until<T>(what: string, test: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await test();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`timed out before ${what}`);
    await Bun.sleep(50);
  }
}

/** Starts Prometheus in a folder of its own. @param config its configuration */
export async function startPrometheus(config: unknown): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "sockscope-prometheus-"));
  // YAML includes JSON.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const address = `127.0.0.1:${freePort()}`;
  const child = Bun.spawn(
    [
      prometheus!,
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${address}`,
    ],
    { cwd: folder, stdout: "ignore", stderr: Bun.file(join(folder, "log")) },
  );
  const get = async (path: string) => {
    const answer = await fetch(`http://${address}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error: string };
    if (status !== "success") throw new Error(`${path}: ${error}`);
    return data;
  };
  await until("Prometheus answers", () =>
    get("status/runtimeinfo").then(
      () => true,
      () => undefined,
    ),
  );
  return {
    api: get,
    async query(expression) {
      const data = await get(`query?query=${encodeURIComponent(expression)}`);
      return (data as { result: readonly Answer[] }).result;
    },
    log: () => new TextDecoder().decode(Bun.spawnSync(["cat", join(folder, "log")]).stdout),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
