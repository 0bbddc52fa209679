/** The HTTP server: one function that every request goes through, and the limits around it. */
import type { Server } from "bun";
import { BusyClients, boundConnections, clientName, MOST_CONNECTIONS } from "./connections.ts";
import {
  checkHost,
  checkOrigin,
  checkSize,
  checkToken,
  type GuardOptions,
  limits,
  queryValues,
} from "./guard.ts";
import { secured } from "./headers.ts";
import { problemAnswer, Refusal, refusalOf } from "./problem.ts";
import { type Call, type Route, routesAt } from "./route.ts";

/** Where a server listens. */
export type Address =
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** What a server works with. */
export interface ServerOptions {
  readonly address: Address;
  /** PEM texts. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly routes: readonly Route[];
  readonly guard: Omit<GuardOptions, "port">;
  /** Seconds after which a connection without a request, or with half of one, is closed; by default {@link IDLE_S}. */
  readonly idleS?: number;
  /** Connections at most; by default {@link MOST_CONNECTIONS}. */
  readonly connections?: number;
  /** Receives what a handler threw without meaning to. */
  readonly report: (error: unknown) => void;
}

/** A server that listens. */
export interface RunningServer {
  /** The TCP port; undefined for a UNIX socket. */
  readonly port: number | undefined;
  /** Says so to the streams, stops listening and closes every connection. */
  stop(): Promise<void>;
}

/** Seconds after which a connection without a request, or with half of one, is closed. Streams are excepted. */
const IDLE_S = 8;
/** Time for the last messages of streams, in milliseconds. */
const FAREWELL_MS = 50;
/** Bytes of a body that the runtime reads before it answers with an error of its own, which has no headers of ours. */
const BODY_CUT = 4 * limits.body;
/** JSON from this length on is compressed. */
const COMPRESSED_FROM = 1024;

const encoder = new TextEncoder();

/** Whether a client takes gzip. */
export function takesGzip({ headers }: Request): boolean {
  return (headers.get("Accept-Encoding") ?? "")
    .split(",")
    .some((each) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(each));
}

/** An answer with a JSON document, compressed if that pays off. */
export function jsonAnswer(
  request: Request,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return textAnswer(request, `${JSON.stringify(body)}\n`, { "Content-Type": "application/json", ...headers });
}

/** An answer with a text, compressed if that pays off. */
export function textAnswer(
  request: Request,
  text: string,
  headers: Readonly<Record<string, string>>,
): Response {
  const bytes = encoder.encode(text);
  const all = { ...headers, Vary: "Accept-Encoding" };
  if (bytes.length < COMPRESSED_FROM || !takesGzip(request)) return new Response(bytes, { headers: all });
  return new Response(Bun.gzipSync(bytes, { level: 4 }), { headers: { ...all, "Content-Encoding": "gzip" } });
}

/** The route for a request. @throws Refusal */
function routeOf(routes: readonly Route[], { method }: Request, pathname: string) {
  const match = routesAt(routes, pathname);
  if (match === undefined) throw new Refusal(404, "There is no such route.");
  const wanted = method === "HEAD" ? "GET" : method;
  const route = match.routes.find((each) => each.method === wanted);
  if (route !== undefined) return { route, values: match.values };
  const allowed = match.routes.flatMap((each) => (each.method === "GET" ? ["GET", "HEAD"] : each.method));
  throw new Refusal(405, `The route takes ${allowed.join(", ")}.`, {
    headers: { Allow: allowed.join(", ") },
  });
}

/** Why a request is not answered any more. */
const endRefusal = () => new Refusal(503, "The server ends.");

/** Listens. @throws an error with a system error `code` if the address cannot be used */
export function startServer({
  address,
  tls,
  routes,
  guard,
  report,
  idleS = IDLE_S,
  connections = MOST_CONNECTIONS,
}: ServerOptions): RunningServer {
  const ending = new AbortController();
  const clients = new BusyClients();
  let requests = 0;
  let viewers = 0;
  let port: number | undefined;

  async function run(call: Call, route: Route, client: string | undefined): Promise<Response> {
    const { streams } = route;
    if (streams ? viewers >= limits.viewers : requests >= limits.requests)
      throw new Refusal(503, "Too many requests at once.", { headers: { "Retry-After": "1" } });
    let left = false;
    const finish = client === undefined ? undefined : clients.begin(client);
    const leave = () => {
      if (left) return;
      left = true;
      finish?.();
      if (streams) viewers--;
      else requests--;
    };
    if (streams) viewers++;
    else requests++;
    try {
      const answer = await route.handle(call);
      if (streams) call.signal.addEventListener("abort", leave, { once: true });
      else leave();
      if (streams && call.signal.aborted) leave();
      return answer;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async function answer(request: Request, server: Server<undefined>): Promise<Response> {
    let filter: string | undefined;
    try {
      const options = { ...guard, port };
      checkHost(request, options);
      const url = new URL(request.url);
      const { route, values } = routeOf(routes, request, url.pathname);
      checkOrigin(request, route, options);
      checkToken(request, route, options);
      checkSize(request);
      const all = { ...queryValues(url, route), ...values };
      filter = all["filter"];
      if (filter !== undefined && filter.length > limits.filter)
        throw new Refusal(413, `The filter is longer than ${limits.filter} characters.`, {
          parameter: "filter",
        });
      const { streams } = route;
      server.timeout(request, streams ? 0 : 2 * (limits.requestMs / 1000));
      const time = streams ? [] : [AbortSignal.timeout(limits.requestMs)];
      const signal = AbortSignal.any([request.signal, ending.signal, ...time]);
      const ip = server.requestIP(request);
      return await run({ values: all, request, signal }, route, ip === null ? undefined : clientName(ip));
    } catch (error) {
      // What the end of the server has interrupted has not failed.
      const refusal = ending.signal.aborted ? endRefusal() : refusalOf(error, filter);
      if (refusal.status === 500) report(error);
      return problemAnswer(refusal);
    }
  }

  const common = {
    development: false as const,
    idleTimeout: idleS,
    maxRequestBodySize: BODY_CUT,
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    async fetch(request: Request, server: Server<undefined>): Promise<Response> {
      return secured(await answer(request, server));
    },
    error(error: Error): Response {
      report(error);
      return secured(problemAnswer(refusalOf(error, undefined)));
    },
  };
  const place =
    address.kind === "unix" ? { unix: address.path } : { hostname: address.hostname, port: address.port };
  const server = Bun.serve({ ...common, ...place } as Bun.Serve.Options<undefined>);
  port = address.kind === "unix" ? undefined : server.port;
  const unbound =
    port === undefined
      ? undefined
      : boundConnections({
          port,
          most: connections,
          isBusy: (client) => clients.has(client),
          closeIdle: () => server.closeIdleConnections(),
        });
  return {
    port,
    async stop() {
      unbound?.();
      const hadViewers = viewers > 0;
      ending.abort(endRefusal());
      if (hadViewers) await Bun.sleep(FAREWELL_MS);
      void server.stop(true);
    },
  };
}
