/** Runs Debian's nats-server, which `.ci/run` unpacks into dist/nats without installing it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const unpacked = join(import.meta.dirname, "../../dist/nats/usr/sbin/nats-server");

/** The path of the program; undefined if it is not on this machine. */
export const natsServer: string | undefined = existsSync(unpacked)
  ? unpacked
  : (Bun.which("nats-server") ?? undefined);

/** How a server is started. */
export interface NatsServerOptions {
  /** Lines for its configuration file: accounts, permissions, TLS, limits. */
  readonly config?: string;
  /** The folder with its configuration and its streams. Default: a new one, which is removed with the server. */
  readonly folder?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Whether it has JetStream. Default: true. */
  readonly jetStream?: boolean;
}

/** A running server. */
export interface RunningNatsServer extends AsyncDisposable {
  /** `nats://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** What it has logged. */
  log(): string;
  /** Ends it at once, as a power cut does. Its streams stay in its folder. */
  kill(): Promise<void>;
}

const PATIENCE_MS = 20_000;

/** A port of loopback that nobody listens on now. */
export function freePort(): number {
  const server = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data: () => undefined } });
  const { port } = server;
  server.stop(true);
  return port;
}

/** Whether something listens on a port of loopback. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** Starts a server on loopback. @throws Error with its log if it does not start */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<RunningNatsServer> {
  if (natsServer === undefined) throw new Error("nats-server is missing: .ci/run unpacks it");
  const { config = "", port = freePort(), jetStream = true } = options;
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "sockscope-nats-"));
  const log = join(folder, "nats.log");
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `server_name: "test-${port}"`,
    ...(jetStream ? [`jetstream { store_dir: ${JSON.stringify(join(folder, "jetstream"))} }`] : []),
    config,
  ];
  writeFileSync(join(folder, "nats.conf"), lines.join("\n"));
  const child = Bun.spawn([natsServer, "-c", join(folder, "nats.conf"), "-l", log], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const logged = () => (existsSync(log) ? readFileSync(log, "utf8") : "");
  const end = performance.now() + PATIENCE_MS;
  while (!(logged().includes("Server is ready") && (await listens(port)))) {
    if (child.exitCode !== null || performance.now() > end) {
      child.kill("SIGKILL");
      throw new Error(`nats-server does not start:\n${logged()}`);
    }
    await Bun.sleep(20);
  }
  const kill = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    folder,
    log: logged,
    kill,
    async [Symbol.asyncDispose]() {
      await kill();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
