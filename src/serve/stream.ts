/**
 * GET /api/stream: Server-Sent Events that say that something changed. Rows are never in it: a client fetches the
 * window that it shows.
 */
import type { EventKind } from "../events/event.ts";
import { counterNames, metrics } from "../live/metrics.ts";
import { stateName } from "../model/state.ts";
import { type EventLog, kindWords, type LoggedEvent } from "./event-log.ts";
import { Mailbox } from "./mailbox.ts";
import { listOf, queryParameter } from "./parameters.ts";
import { wrongParameter } from "./problem.ts";
import type { Route } from "./route.ts";
import type { Sampler } from "./sampler.ts";
import type { Snapshot } from "./snapshot.ts";

/** Milliseconds between two signs of life. */
const BEAT_MS = 5000;
/** Events that wait for a client at most. */
const MOST_WAITING = 256;
/** Milliseconds after which a client that takes nothing is given up. */
const GIVE_UP_MS = 600_000;

const encoder = new TextEncoder();

/** A message of Server-Sent Events. JSON has no line breaks of its own. */
function message(event: string, data: unknown, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A sample in numbers. */
function sampleObject({ generation, timeMs, durationMs, summary, notes }: Snapshot) {
  const { intervalMs, sockets, opened, closed, states, totals } = summary;
  return {
    generation,
    time: new Date(timeMs).toISOString(),
    intervalMs: intervalMs ?? null,
    sockets,
    opened,
    closed,
    states: Object.fromEntries(
      states.flatMap((count, number) => (count === 0 ? [] : [[stateName(number), count]])),
    ),
    totals: Object.fromEntries(
      counterNames.flatMap((name) => {
        const { json }: { readonly json?: string | undefined } = metrics[name].shown;
        const total = totals[`${name}Rate`];
        return json === undefined || total === undefined ? [] : [[json, total]];
      }),
    ),
    sampleMs: durationMs,
    notes,
  };
}

/** Reads a list of kinds of events. @throws Refusal */
export function readKinds(parameter: string, text: string): ReadonlySet<EventKind> {
  const words = listOf(parameter, text);
  if (words.includes("all")) return new Set(kindWords);
  return new Set(
    words.map((word) => {
      const kind = kindWords.find((each) => each === word);
      if (kind === undefined)
        throw wrongParameter(parameter, `"${word}" is not one of all, ${kindWords.join(", ")}.`);
      return kind;
    }),
  );
}

/** What streams are made of. */
export interface StreamSources {
  readonly sampler: Sampler;
  readonly log: EventLog;
  /** Differs from run to run. */
  readonly epoch: string;
  readonly intervalMs: number;
}

/** The number of the last event that a client has seen; undefined if it is of another run. */
function resumedFrom(header: string | null, { epoch, log }: StreamSources): number | undefined {
  const match = /^([\w-]{1,32})-(\d{1,15})$/.exec(header ?? "");
  if (match === null || match[1] !== epoch) return undefined;
  const seq = Number(match[2]);
  return seq <= log.seq ? seq : undefined;
}

/** The route. */
export function streamRoute(sources: StreamSources): Route {
  const { sampler, log, epoch, intervalMs } = sources;
  return {
    method: "GET",
    path: "/api/stream",
    doc: "Server-Sent Events: that there is a new sample, with its totals, and events of sockets. Resumes after Last-Event-ID.",
    access: "token",
    streams: true,
    parameters: [
      queryParameter("events", `Kinds of events to send: all, ${kindWords.join(", ")}; by default none.`),
      {
        name: "Last-Event-ID",
        in: "header",
        doc: "The id of the last message: events after it are sent again, as far as they are kept.",
        schema: { type: "string" },
      },
    ],
    types: ["text/event-stream"],
    handle({ values, request, signal }) {
      const kinds = values["events"] === undefined ? undefined : readKinds("events", values["events"]);
      const box = new Mailbox(MOST_WAITING);
      const idOf = (seq: number) => `${epoch}-${seq}`;
      const put = ({ seq, kind, object }: LoggedEvent) => {
        if (kinds?.has(kind)) box.putEvent(message("event", object, idOf(seq)));
      };
      const resumed = resumedFrom(request.headers.get("Last-Event-ID"), sources);
      const missed = resumed === undefined ? [] : log.since(resumed);
      const gone = resumed === undefined ? 0 : log.seq - resumed - missed.length;
      const hello = message(
        "hello",
        {
          epoch,
          generation: sampler.latest?.generation ?? 0,
          intervalMs,
          resumed: resumed !== undefined,
          missed: gone,
        },
        idOf(resumed ?? log.seq),
      );
      for (const event of missed) put(event);
      if (sampler.latest !== undefined) box.putSample(message("sample", sampleObject(sampler.latest)));
      let lostBefore = log.lost;
      const leaves = [
        sampler.watch((snapshot) => {
          box.putSample(message("sample", sampleObject(snapshot)));
          if (kinds !== undefined && log.lost > lostBefore) box.putLost(log.lost - lostBefore);
          lostBefore = log.lost;
        }),
      ];
      if (kinds !== undefined) leaves.push(log.read(put));
      let takenMs = performance.now();
      const beat = setInterval(() => {
        if (performance.now() - takenMs > GIVE_UP_MS) box.end("");
        else box.putBeat();
      }, BEAT_MS);
      const leave = () => {
        clearInterval(beat);
        for (const each of leaves.splice(0)) each();
      };
      signal.addEventListener("abort", () => {
        leave();
        box.end(message("bye", { reason: "the server ends" }));
      });
      const body = new ReadableStream<Uint8Array>(
        {
          start: (controller) => controller.enqueue(encoder.encode(hello)),
          async pull(controller) {
            await box.arrival();
            takenMs = performance.now();
            const { text, ended } = box.take((events) => message("lost", { events }));
            controller.enqueue(encoder.encode(text));
            if (!ended) return;
            leave();
            controller.close();
          },
          cancel: leave,
        },
        { highWaterMark: 1 },
      );
      return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
    },
  };
}
