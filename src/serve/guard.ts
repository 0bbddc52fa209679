/**
 * Who may reach a route: every request passes these checks before a handler sees it.
 *
 * A page of another origin can make a browser send requests to us, and with a name that it has bound to our address
 * (DNS rebinding) even read the answers. So the name in `Host` must be one of ours, and the browser's own words
 * about where a request comes from (`Origin`, `Sec-Fetch-Site`) must say that it comes from our page.
 */
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { bearerToken } from "./token.ts";

/** The limits of a request. */
export const limits = {
  /** Bytes of a body. */
  body: 16 << 10,
  /** Bytes of a path with its query. */
  target: 16 << 10,
  /** Characters of a filter. */
  filter: 4096,
  /** Requests at once, without streams. */
  requests: 128,
  /** Streams at once. */
  viewers: 32,
  /** Milliseconds that a request may take. */
  requestMs: 10_000,
} as const;

/** The name of the header with the token for changes. */
export const KILL_HEADER = "X-Sockscope-Kill";

/** What the checks compare with. */
export interface GuardOptions {
  /** Names and addresses that may stand in `Host`, in lower case and without port; IPv6 addresses in brackets. */
  readonly hosts: ReadonlySet<string>;
  /** The port that stands behind names other than those of the loopback; undefined for a UNIX socket. */
  readonly port: number | undefined;
  /** Whether connections are encrypted. */
  readonly tls: boolean;
  /** Tests the token; undefined if none is needed. */
  readonly hasToken: ((given: string) => boolean) | undefined;
  /** Tests the token for changes; undefined if there are none. */
  readonly mayKill: ((given: string) => boolean) | undefined;
}

/** Names that always mean the machine of the browser: no name server can give them to another one. */
const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** A name or address of `Host` and its port; undefined if it is malformed. */
function hostParts(header: string): { readonly name: string; readonly port: string | undefined } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/.exec(header.toLowerCase());
  return match === null ? undefined : { name: match[1]!, port: match[2] };
}

/** Whether `Host` names this server. Loopback names may have any port, as `ssh -L` forwards another one. */
function isOurs(header: string, { hosts, port, tls }: GuardOptions): boolean {
  const parts = hostParts(header);
  if (parts === undefined || !hosts.has(parts.name)) return false;
  if (port === undefined || loopback.has(parts.name)) return true;
  return Number(parts.port ?? (tls ? 443 : 80)) === port;
}

/** Whether a browser opens the page in a tab of its own: a link from elsewhere may do that, as it can read nothing. */
function opensPage(headers: Headers, { path, method }: Route): boolean {
  return (
    path === "/" &&
    method === "GET" &&
    headers.get("Sec-Fetch-Mode") === "navigate" &&
    headers.get("Sec-Fetch-Dest") === "document"
  );
}

/** Checks the name that the client used. @throws Refusal */
export function checkHost(request: Request, options: GuardOptions): void {
  const host = request.headers.get("Host");
  if (host === null || !isOurs(host, options))
    throw new Refusal(421, "This server does not have the name in the Host header: add it with --host.");
}

/** Checks where a request comes from. @throws Refusal */
export function checkOrigin(request: Request, route: Route, { tls }: GuardOptions): void {
  const { headers } = request;
  const origin = headers.get("Origin");
  const own = `${tls ? "https" : "http"}://${headers.get("Host")!.toLowerCase()}`;
  if (origin !== null && origin.toLowerCase() !== own)
    throw new Refusal(403, "The request comes from a page of another origin.");
  if (origin === null && route.method !== "GET")
    throw new Refusal(403, "A change needs the Origin header of this server.");
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null && site !== "same-origin" && site !== "none" && !opensPage(headers, route))
    throw new Refusal(403, "The request comes from a page of another site.");
}

/** Checks the token. @throws Refusal */
export function checkToken(
  { headers }: Request,
  { access }: Route,
  { hasToken, mayKill }: GuardOptions,
): void {
  if (access === "open") return;
  const token = bearerToken(headers.get("Authorization"));
  if (hasToken !== undefined && (token === undefined || !hasToken(token)))
    throw new Refusal(401, "Send the token as Authorization: Bearer TOKEN.", {
      headers: { "WWW-Authenticate": 'Bearer realm="sockscope"' },
    });
  if (access !== "kill") return;
  const second = headers.get(KILL_HEADER);
  if (mayKill === undefined || second === null || !mayKill(second))
    throw new Refusal(403, `A change needs the second token in ${KILL_HEADER}.`);
}

/** Checks how long a request is, as far as it says so. @throws Refusal */
export function checkSize({ headers, url }: Request): void {
  if (url.length > limits.target)
    throw new Refusal(413, `The address is longer than ${limits.target} bytes.`);
  const length = Number(headers.get("Content-Length") ?? 0);
  if (!(length <= limits.body)) throw new Refusal(413, `The body is longer than ${limits.body} bytes.`);
}

/** The parameters of the query. @throws Refusal for one that the route does not have, or that is repeated */
export function queryValues({ searchParams }: URL, { parameters }: Route): Record<string, string> {
  const values: Record<string, string> = {};
  const known = new Set(parameters.flatMap((each) => (each.in === "query" ? each.name : [])));
  for (const [name, value] of searchParams) {
    const parameter = name.slice(0, 64);
    if (!known.has(name)) throw new Refusal(400, "The route does not have this parameter.", { parameter });
    if (Object.hasOwn(values, name)) throw new Refusal(400, "The parameter is repeated.", { parameter });
    values[name] = value;
  }
  return values;
}
