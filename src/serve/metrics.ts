/**
 * GET /metrics: counts what Prometheus scrapes. Nothing is counted before the first scrape, and nothing after the last
 * one: then the sources of events are closed, so that a server that nobody scrapes costs nothing.
 */
import { filesBelow } from "../doctor/host-facts.ts";
import { contentTypes } from "../metrics/exposition.ts";
import { Metrics } from "../metrics/metrics.ts";
import { noDemands } from "../model/demand.ts";
import { defaultTables } from "../model/selection.ts";
import type { ServeContext } from "./context.ts";
import type { Doctor } from "./doctor.ts";
import type { EventFeed } from "./event-feed.ts";
import type { Route } from "./route.ts";
import type { Sampler } from "./sampler.ts";
import { textAnswer } from "./server.ts";
import type { Wants } from "./snapshot.ts";

/** What is scraped: every table that ss lists by default. */
const wants: Wants = { tables: new Set(defaultTables), demands: noDemands };

/** Milliseconds after the last scrape in which events are still counted. */
const SCRAPED_MS = 15 * 60_000;

/** Milliseconds between two examinations for metrics, and the part of the time that they may take. */
const EXAMINE_MS = 60_000;
const EXAMINE_SHARE = 0.05;

/** What this process has cost so far. */
function costOf() {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    rssBytes: process.memoryUsage.rss(),
    startSeconds: Math.round(Date.now() / 1000 - process.uptime()),
  };
}

/** The metrics of a server. */
export interface ServedMetrics extends Disposable {
  readonly route: Route;
}

/** What metrics are made from. */
interface MetricsSources {
  readonly context: ServeContext;
  readonly sampler: Sampler;
  readonly feed: EventFeed;
  readonly doctor: Doctor;
}

/** Makes the route. */
export function openMetrics({ context, sampler, feed, doctor }: MetricsSources): ServedMetrics {
  const { host, sources, version, metrics: options } = context;
  const metrics = new Metrics({
    version,
    now: () => performance.now(),
    files: filesBelow(host.files, sources.root),
    cost: costOf,
    sources: feed.sources.used,
    ...options,
  });
  const forget = doctor.subscribe(({ report, timeMs }) => metrics.takeReport(report, timeMs));
  let examineAtMs = 0;
  let unsubscribe: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function stop(): void {
    clearTimeout(timer);
    unsubscribe?.();
    unsubscribe = undefined;
  }

  /** Has the doctor examine the host from time to time: no scrape waits for it. */
  async function examine(): Promise<void> {
    const beganMs = performance.now();
    if (beganMs < examineAtMs) return;
    examineAtMs = Number.POSITIVE_INFINITY;
    try {
      await doctor.report(true);
    } catch {
      // The time of the last examination shows it.
    }
    const endedMs = performance.now();
    examineAtMs = endedMs + Math.max(EXAMINE_MS, (endedMs - beganMs) / EXAMINE_SHARE);
  }

  /** Counts events for a while. */
  function listen(): void {
    unsubscribe ??= feed.subscribe((event) => metrics.takeEvent(event));
    clearTimeout(timer);
    timer = setTimeout(stop, SCRAPED_MS);
  }

  return {
    route: {
      method: "GET",
      path: "/metrics",
      doc: "Metrics for Prometheus, as OpenMetrics 1.0 or as text 0.0.4: what `Accept` prefers.",
      access: "token",
      parameters: [],
      types: Object.values(contentTypes).map((type) => type.replace("; charset=utf-8", "")),
      async handle({ request }) {
        listen();
        await sampler.sample(wants, ({ generation, durationMs, table, owners }) =>
          metrics.takeSample({ number: generation, durationMs, table, holders: owners }),
        );
        void examine();
        const { contentType, body } = metrics.exposition(request.headers.get("Accept") ?? undefined);
        return textAnswer(request, body, { "Content-Type": contentType });
      },
    },
    [Symbol.dispose]() {
      forget();
      stop();
    },
  };
}
