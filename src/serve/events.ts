/** GET /api/events: the last events of sockets. */
import type { EventFeed } from "./event-feed.ts";
import { type EventLog, KEPT_EVENTS, kindWords } from "./event-log.ts";
import { queryParameter, readNumber } from "./parameters.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";
import { readKinds } from "./stream.ts";

/** The route. Events are noted from the first request or stream on. */
export function eventsRoute(feed: EventFeed, log: EventLog): Route {
  return {
    method: "GET",
    path: "/api/events",
    doc: "The last events of sockets, oldest first. They are noted while somebody reads them, and for half a minute afterwards.",
    access: "token",
    parameters: [
      queryParameter("kinds", `Kinds of events: all, ${kindWords.join(", ")}; by default all.`),
      queryParameter("limit", "The most events.", { type: "integer", minimum: 0, maximum: KEPT_EVENTS }),
    ],
    types: ["application/json"],
    handle({ values, request }) {
      const kinds = readKinds("kinds", values["kinds"] ?? "all");
      const limit = readNumber("limit", values["limit"], {
        least: 0,
        most: KEPT_EVENTS,
        otherwise: KEPT_EVENTS,
      });
      log.read(() => undefined)();
      const events = log.since(0).filter(({ kind }) => kinds.has(kind));
      return jsonAnswer(request, {
        events: events.slice(Math.max(0, events.length - limit)).map(({ object }) => object),
        lost: log.lost,
        sources: feed.sources.used,
        missing: feed.sources.missing,
      });
    },
  };
}
