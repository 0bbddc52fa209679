/** A server of a recording in this process, and requests that are written byte by byte. */
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Host } from "../../src/host/host.ts";
import { liveFiles, liveHost } from "../../src/host/live.ts";
import { sourcesOf } from "../../src/procfs/source.ts";
import { replayHost } from "../../src/replay/host.ts";
import type { ServeContext } from "../../src/serve/context.ts";
import { KILL_HEADER } from "../../src/serve/guard.ts";
import type { Route } from "../../src/serve/route.ts";
import { openService, type Service } from "../../src/serve/routes.ts";
import { type ServerOptions, startServer } from "../../src/serve/server.ts";
import { tokenTest } from "../../src/serve/token.ts";

/** The machine of a recording. */
export function recorded(fixture: string): Host {
  return replayHost(join(import.meta.dirname, "../fixtures", fixture), liveFiles);
}

/** This machine. */
export const here: Host = liveHost();

/** Starts the thread that answers about the past. */
export const startPast = () => new Worker(join(import.meta.dirname, "../../src/cli/past-worker.ts"));

export const token = "token-of-the-tests-with-enough-characters";
export const killToken = "second-token-of-the-tests-with-enough";

/** A server that listens. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly service: Service;
  /** Errors that handlers did not mean to throw. */
  readonly errors: unknown[];
  /** Requests a path with the token. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

/** Starts a server. */
export function serve(
  host: Host,
  changes: Partial<ServeContext> = {},
  { idleS = 8, ...listening }: Partial<Pick<ServerOptions, "idleS" | "connections" | "tls">> = {},
): TestServer {
  const allowKill = changes.allowKill ?? false;
  const service = openService({
    host,
    sources: sourcesOf({}),
    version: "1.2.3",
    allNetns: false,
    intervalMs: 1000,
    showArguments: false,
    allowKill,
    store: undefined,
    live: host === here,
    metrics: undefined,
    ...changes,
  });
  const errors: unknown[] = [];
  const server = startServer({
    address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
    tls: undefined,
    ...listening,
    routes: service.routes,
    guard: {
      hosts: new Set(["localhost", "127.0.0.1", "[::1]", "sockets.example"]),
      tls: listening.tls !== undefined,
      hasToken: tokenTest(token),
      mayKill: allowKill ? tokenTest(killToken) : undefined,
    },
    idleS,
    report: (error) => errors.push(error),
  });
  const url = `${listening.tls === undefined ? "http" : "https"}://127.0.0.1:${server.port}`;
  return {
    port: server.port!,
    url,
    service,
    errors,
    get: (path, headers = {}) =>
      fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}`, ...headers } }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      service[Symbol.dispose]();
    },
  };
}

/** The head of an answer. */
export interface Head {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Opens a connection and sends bytes. */
export function send(port: number, bytes: string): Socket {
  const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
  socket.on("error", () => undefined);
  return socket;
}

/** Parses the head of an answer and what came of its body. */
export function parseHead(text: string): Head {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [status = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(status.split(" ")[1] ?? 0), headers, text: rest.join("\r\n\r\n") };
}

/** Sends a request and waits for the head of the answer; its body as far as it came with the head. */
export function exchange(port: number, bytes: string): Promise<Head> {
  return new Promise((resolve) => {
    let text = "";
    const socket = send(port, bytes);
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      socket.destroy();
      resolve(parseHead(text));
    });
    socket.on("close", () => resolve(parseHead(text)));
  });
}

/** The lines of a request without its `Host`. */
export function requestOf(
  { method, path }: Pick<Route, "method" | "path">,
  headers: Readonly<Record<string, string>>,
  body = "",
): string {
  const length = method === "POST" ? { "Content-Length": `${body.length}` } : {};
  const lines = Object.entries({ ...headers, ...length }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path.replace("{id}", "1")} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** Headers of a request that every check passes. */
export function ours(port: number): Record<string, string> {
  return {
    Host: `127.0.0.1:${port}`,
    Origin: `http://127.0.0.1:${port}`,
    Authorization: `Bearer ${token}`,
    [KILL_HEADER]: killToken,
    "Sec-Fetch-Site": "same-origin",
  };
}
