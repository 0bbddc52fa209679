/** GET /api/live: a window of the rows of the last sample. */
import { createHash } from "node:crypto";
import type { OpenQuery } from "../query/open.ts";
import { shownColumns } from "./columns.ts";
import { type Moments, readWhen } from "./moments.ts";
import { pastParameters, selecting, windowing } from "./parameters.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";
import type { Snapshot } from "./snapshot.ts";
import { readWindow, wantsOf, windowOf } from "./window.ts";

/** Names what an answer depends on. */
function tagOf(epoch: string, { generation, timeMs }: Snapshot, url: string): string {
  const query = createHash("sha256").update(url).digest("base64url").slice(0, 16);
  return `"${epoch}-${generation || timeMs}-${query}"`;
}

/** The route. @param moments where snapshots come from */
export function liveRoute(moments: Moments): Route {
  return {
    method: "GET",
    path: "/api/live",
    doc: "A window of the sockets of the last sample, with their rates.",
    access: "token",
    parameters: [...selecting, ...windowing, ...pastParameters],
    types: ["application/json"],
    async handle({ values, request }) {
      const wanted = readWindow(values, { columns: shownColumns, sort: "-rate" });
      const wants = (query: OpenQuery) => wantsOf(query, wanted);
      return moments.at(readWhen(values), wants, async (snapshot) => {
        const ETag = tagOf(moments.epoch, snapshot, request.url);
        if (request.headers.get("If-None-Match") === ETag)
          return new Response(null, { status: 304, headers: { ETag } });
        const { matched, columns, rows } = await windowOf(snapshot, wanted);
        const { generation, timeMs, summary, notes } = snapshot;
        const body = {
          generation,
          time: new Date(timeMs).toISOString(),
          intervalMs: summary.intervalMs ?? null,
          total: matched.total,
          matched: matched.slots.length,
          offset: wanted.offset,
          columns,
          rows,
          facets: matched.facets,
          notes,
        };
        return jsonAnswer(request, body, { ETag });
      });
    },
  };
}
