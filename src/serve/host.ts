/** GET /api/host: what this server is, and what it cannot see. */
import type { ServeContext } from "./context.ts";
import { limits } from "./guard.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";

const decoder = new TextDecoder();

/** The text of a file below /proc, without its line end; undefined if it cannot be read. */
export function procText(
  { host, sources }: Pick<ServeContext, "host" | "sources">,
  path: string,
): string | undefined {
  try {
    return decoder.decode(host.files.read(`${sources.root}/${path}`)).trim();
  } catch {
    return undefined;
  }
}

/** The route. */
export function hostRoute(context: ServeContext): Route {
  const { version, intervalMs, showArguments, allowKill, allNetns } = context;
  return {
    method: "GET",
    path: "/api/host",
    doc: "What this server is, what it shows, and what it cannot see for want of privileges.",
    access: "token",
    parameters: [],
    types: ["application/json"],
    handle: ({ request }) =>
      jsonAnswer(request, {
        program: "sockscope",
        version,
        host: procText(context, "sys/kernel/hostname") ?? "localhost",
        kernel: procText(context, "sys/kernel/osrelease") ?? null,
        now: new Date().toISOString(),
        intervalMs,
        showArgs: showArguments,
        allowKill,
        allNetns,
        limits: { rows: 1000, viewers: limits.viewers },
      }),
  };
}
