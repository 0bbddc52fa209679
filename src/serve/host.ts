/** GET /api/host: what this server is, and what it cannot see. */
import type { ServeContext } from "./context.ts";
import type { EventFeed } from "./event-feed.ts";
import { limits } from "./guard.ts";
import { openStore } from "./history.ts";
import { MOST_ROWS } from "./parameters.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";

/** Capabilities by their numbers. linux/capability.h. */
const CAP_DAC_READ_SEARCH = 2;
const CAP_NET_ADMIN = 12;
const CAP_SYS_PTRACE = 19;
/** How long what the store covers is remembered. */
const STORE_MS = 10_000;

const decoder = new TextDecoder();

/** The text of a file below /proc, without its line end; undefined if it cannot be read. */
function procText(
  { host, sources }: Pick<ServeContext, "host" | "sources">,
  path: string,
): string | undefined {
  try {
    return decoder.decode(host.files.read(`${sources.root}/${path}`)).trim();
  } catch {
    return undefined;
  }
}

/** Our effective capabilities as a mask. */
function capabilities(context: ServeContext): bigint {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(procText(context, "self/status") ?? "")?.[1];
  return mask === undefined ? 0n : BigInt(`0x${mask}`);
}

/** What cannot be seen for want of privileges, one sentence each. */
function missingSights(owners: boolean, admin: boolean): string[] {
  return [
    ...(owners
      ? []
      : ["Processes of other users are not shown: this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH."]),
    ...(admin
      ? []
      : ["Connections that begin and end between two samples are not seen: this needs CAP_NET_ADMIN."]),
  ];
}

/** The span from the first to the last sample of the store. */
function storeSpan(context: ServeContext): { readonly from: string; readonly to: string } | null {
  const recorded = openStore(context)?.coverage({ fromMs: 0, untilMs: Date.now() }).recorded ?? [];
  const [first] = recorded;
  const last = recorded.at(-1);
  if (first === undefined || last === undefined) return null;
  return { from: new Date(first.fromMs).toISOString(), to: new Date(last.untilMs).toISOString() };
}

/** Where the route is. */
export const HOST_PATH = "/api/host";

/** The route. */
export function hostRoute(context: ServeContext, feed: EventFeed): Route {
  const { version, intervalMs, showArguments, allowKill, allNetns } = context;
  let store: { readonly untilMs: number; readonly span: ReturnType<typeof storeSpan> } | undefined;
  const spanNow = () => {
    const nowMs = performance.now();
    if (store === undefined || nowMs >= store.untilMs)
      store = { untilMs: nowMs + STORE_MS, span: storeSpan(context) };
    return store.span;
  };
  return {
    method: "GET",
    path: HOST_PATH,
    doc: "What this server is, what it shows, and what it cannot see for want of privileges.",
    access: "token",
    parameters: [],
    types: ["application/json"],
    handle({ request }) {
      const mask = capabilities(context);
      const has = (capability: number) => (mask & (1n << BigInt(capability))) !== 0n;
      const owners = has(CAP_SYS_PTRACE) && has(CAP_DAC_READ_SEARCH);
      const netAdmin = has(CAP_NET_ADMIN);
      const booted = /^btime (\d+)$/m.exec(procText(context, "stat") ?? "")?.[1];
      return jsonAnswer(request, {
        program: "sockscope",
        version,
        host: procText(context, "sys/kernel/hostname") ?? "localhost",
        kernel: procText(context, "sys/kernel/osrelease") ?? "",
        bootTime: booted === undefined ? null : new Date(Number(booted) * 1000).toISOString(),
        now: new Date().toISOString(),
        intervalMs,
        ownersOfOthers: owners,
        netAdmin,
        missing: context.live ? missingSights(owners, netAdmin) : ["The sockets are those of a recording."],
        showArgs: showArguments,
        allowKill,
        allNetns,
        mapHosts: context.otherHosts?.hosts.length ?? 0,
        store: spanNow(),
        events: { sources: feed.sources.used, missing: feed.sources.missing },
        limits: { rows: MOST_ROWS, viewers: limits.viewers },
      });
    },
  };
}
