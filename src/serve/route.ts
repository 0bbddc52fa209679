/** What a route is. The checks, /openapi.json and the tests are made from the table of routes. */

/** A parameter of a route. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly doc: string;
  /** JSON Schema of its text. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** What a handler gets. */
export interface Call {
  /** The parameters of the query and the path, each at most once and known to the route. */
  readonly values: Readonly<Record<string, string>>;
  readonly request: Request;
  /** Aborted when the client goes away, the server ends, or the time of the request is over. */
  readonly signal: AbortSignal;
}

/** Who may call a route: anybody who reaches the server, who has the token, or who has the token for changes, too. */
export type Access = "open" | "token" | "kill";

/** A route. */
export interface Route {
  readonly method: "GET" | "POST";
  /** The path; `{id}` stands for one segment. */
  readonly path: string;
  /** What it answers, in a sentence. */
  readonly doc: string;
  readonly access: Access;
  readonly parameters: readonly Parameter[];
  /** Media types of its answers. */
  readonly types: readonly string[];
  /** Whether the answer goes on until the client goes away, and counts as a viewer. */
  readonly streams?: true;
  /** @throws Refusal */
  handle(call: Call): Response | Promise<Response>;
}

/** A route that matches a path, with the values in the path. */
export interface Match {
  readonly routes: readonly Route[];
  readonly values: Readonly<Record<string, string>>;
}

/** The name in a segment of a path, `{id}`; undefined for a fixed segment. */
function placeholder(segment: string): string | undefined {
  return /^\{(.+)\}$/.exec(segment)?.[1];
}

function valuesIn(path: string, given: string): Record<string, string> | undefined {
  const segments = path.split("/");
  const texts = given.split("/");
  if (segments.length !== texts.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const name = placeholder(segment);
    const text = texts[index]!;
    if (name === undefined ? segment !== text : text === "") return undefined;
    if (name === undefined) continue;
    try {
      values[name] = decodeURIComponent(text);
    } catch {
      return undefined;
    }
  }
  return values;
}

/** The routes of a path, one for each method. Fixed paths come before those with placeholders. */
export function routesAt(routes: readonly Route[], pathname: string): Match | undefined {
  for (const { path } of routes) {
    const values = valuesIn(path, pathname);
    if (values !== undefined) return { values, routes: routes.filter((route) => route.path === path) };
  }
  return undefined;
}
