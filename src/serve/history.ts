/** GET /api/history: the connections of a span of the past, what was recorded of it, and what changed in it. */
import type { OpenQuery } from "../query/open.ts";
import { changesBetween } from "../store/changes.ts";
import { connectionColumns, STALE_MS } from "../store/connections.ts";
import { StoreError } from "../store/error.ts";
import { type Span, type StoreCoverage, StoreReader } from "../store/reader.ts";
import { timeText } from "../store/time.ts";
import type { ServeContext } from "./context.ts";
import { type Moments, readSpan } from "./moments.ts";
import { queryParameter, readWord, selecting, windowing } from "./parameters.ts";
import { Refusal } from "./problem.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";
import { readWindow, wantsOf, windowOf } from "./window.ts";

/** Changes that are sent at most. */
const MOST_CHANGES = 5000;

const whatWords = ["connections", "coverage", "diff"] as const;

function isoSpan({ fromMs, untilMs }: Span) {
  return { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString() };
}

/** How much of a span was recorded, as JSON. */
function coverageObject({ recorded, gaps, notes, sources, filters }: StoreCoverage) {
  return {
    recorded: recorded.map(isoSpan),
    gaps: gaps.map(isoSpan),
    notes: notes.map(({ kind, count, detail, ...span }) => ({
      kind,
      ...isoSpan(span),
      ...(count === undefined ? {} : { count }),
      ...(detail === undefined ? {} : { detail }),
    })),
    sources,
    filters,
  };
}

/** The store; undefined if there is none. */
export function openStore({ store }: Pick<ServeContext, "store">): StoreReader | undefined {
  if (store === undefined) return undefined;
  try {
    return new StoreReader(store);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** The path of the route. */
export const HISTORY_PATH = "/api/history";

/** The route. */
export function historyRoute(context: ServeContext, moments: Moments): Route {
  function changes(reader: StoreReader, { fromMs, untilMs }: Span) {
    const momentAt = (ms: number) => {
      const found = reader.moment(ms);
      if (found === undefined || found.wallMs < ms - STALE_MS)
        throw new Refusal(404, `Nothing was recorded at ${timeText(ms)}.`);
      return found;
    };
    const all = changesBetween(momentAt(fromMs), momentAt(untilMs));
    return {
      changes: all.slice(0, MOST_CHANGES).map(({ sign, what, netid, end, process }) => ({
        change: sign === "+" ? "appeared" : "gone",
        what,
        netid,
        end,
        ...(process === undefined ? {} : { process }),
      })),
      cut: all.length > MOST_CHANGES,
    };
  }

  return {
    method: "GET",
    path: HISTORY_PATH,
    doc: "The past, as 'sockscope record' has kept it: connections that ended in a span or were open at its end, how much of it was recorded, or what changed.",
    access: "token",
    parameters: [
      queryParameter("what", "What is wanted of the past.", { enum: whatWords, default: "connections" }),
      queryParameter("since", "The beginning of the span (-1h), as --since takes it."),
      queryParameter("until", "The end of the span (now)."),
      ...selecting,
      ...windowing,
    ],
    types: ["application/json"],
    async handle({ values, request }) {
      const what = readWord("what", values["what"], whatWords, "connections");
      const span = readSpan(values);
      const window = readWindow(values, { columns: connectionColumns, sort: "-closed", tables: "tcp,udp" });
      const reader = openStore(context);
      if (reader === undefined)
        return jsonAnswer(request, {
          available: false,
          why: "There is no store: 'sockscope record' keeps the past.",
        });
      const coverage = coverageObject(reader.coverage(span));
      const head = { available: true, span: isoSpan(span), coverage };
      if (what === "coverage") return jsonAnswer(request, head);
      if (what === "diff") return jsonAnswer(request, { ...head, ...changes(reader, span) });
      const wants = (query: OpenQuery) => wantsOf(query, window);
      return moments.at(span, wants, async (snapshot) => {
        const { matched, columns: keys, rows } = await windowOf(snapshot, window);
        return jsonAnswer(request, {
          ...head,
          total: matched.total,
          matched: matched.slots.length,
          offset: window.offset,
          columns: keys,
          rows,
          cut: snapshot.cut ?? false,
        });
      });
    },
  };
}
