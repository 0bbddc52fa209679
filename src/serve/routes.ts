/** The table of routes, and what they share. */
import { assetRoutes } from "./assets.ts";
import type { ServeContext } from "./context.ts";
import { doctorRoute, openDoctor } from "./doctor.ts";
import { openFeed } from "./event-feed.ts";
import { openLog } from "./event-log.ts";
import { eventsRoute } from "./events.ts";
import { FIELDS_PATH, fieldsRoute } from "./fields.ts";
import { HISTORY_PATH, historyRoute } from "./history.ts";
import { HOST_PATH, hostRoute } from "./host.ts";
import { hostsMapRoute } from "./hosts-map.ts";
import { killRoute } from "./kill.ts";
import { listingRoute } from "./listing.ts";
import { liveRoute } from "./live.ts";
import { mapRoute } from "./map.ts";
import { openMetrics } from "./metrics.ts";
import { isPast, openMoments } from "./moments.ts";
import { withOpenapi } from "./openapi.ts";
import { pastParameters } from "./parameters.ts";
import type { PastSettings } from "./past-messages.ts";
import { openPastThread, type PastThread } from "./past-thread.ts";
import type { Route } from "./route.ts";
import { basicWants, openSampler, type Sampler } from "./sampler.ts";
import { socketRoute } from "./socket.ts";
import { streamRoute } from "./stream.ts";

/** Everything behind the routes. */
export interface Service extends Disposable {
  /** Every route. The checks, /openapi.json and the tests are made from it. */
  readonly routes: readonly Route[];
  readonly sampler: Sampler;
  /**
   * Takes a sample, and looks for owners: the first page that is opened then waits neither for code to be loaded and
   * compiled, nor for the owners.
   */
  prepare(): Promise<void>;
}

/** What the thread of the past works with, of what we do: functions cannot be sent. */
function pastSettings({ store, version, allNetns, intervalMs, showArguments }: ServeContext): PastSettings {
  return { store, version, allNetns, intervalMs, showArguments };
}

/** A route whose requests about the past another thread answers. */
function pastApart(route: Route, past: PastThread): Route {
  const { path, parameters } = route;
  const isHistory = path === HISTORY_PATH;
  if (!isHistory && !parameters.includes(pastParameters[0]!)) return route;
  return {
    ...route,
    handle: (call) => (isHistory || isPast(call.values) ? past.answer(path, call) : route.handle(call)),
  };
}

/** Makes the routes. */
export function openService(context: ServeContext): Service {
  const { intervalMs, allowKill, version } = context;
  const sampler = openSampler(context);
  const moments = openMoments(context, sampler);
  const feed = openFeed(context);
  const log = openLog(feed);
  const doctor = openDoctor(context);
  const { epoch } = moments;
  const metrics = context.metrics && openMetrics({ context, sampler, feed, doctor });
  const { startPast } = context;
  const past = startPast && openPastThread(startPast, pastSettings(context));
  const routes = [
    ...assetRoutes(),
    hostRoute(context, feed),
    fieldsRoute(),
    liveRoute(moments),
    socketRoute({ context, moments, now: { sampler, doctor } }),
    mapRoute(moments),
    ...(context.otherHosts === undefined ? [] : [hostsMapRoute(context.otherHosts)]),
    listingRoute(moments),
    doctorRoute(context, doctor),
    historyRoute(context, moments),
    eventsRoute(feed, log),
    streamRoute({ sampler, log, epoch, intervalMs }),
    ...(metrics === undefined ? [] : [metrics.route]),
    ...(allowKill ? [killRoute(sampler, moments)] : []),
  ];
  return {
    sampler,
    routes: withOpenapi(past === undefined ? routes : routes.map((route) => pastApart(route, past)), version),
    async prepare() {
      const request = new Request("http://localhost/");
      const { signal } = request;
      for (const { path, handle } of routes)
        if (path === HOST_PATH || path === FIELDS_PATH) await handle({ values: {}, request, signal });
      await sampler.sample(basicWants, () => undefined);
    },
    [Symbol.dispose]() {
      past?.[Symbol.dispose]();
      metrics?.[Symbol.dispose]();
      feed[Symbol.dispose]();
      sampler[Symbol.dispose]();
    },
  };
}
