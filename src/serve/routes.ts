/** The table of routes, and what they share. */
import { assetRoutes } from "./assets.ts";
import type { ServeContext } from "./context.ts";
import { doctorRoute, openDoctor } from "./doctor.ts";
import { openFeed } from "./event-feed.ts";
import { openLog } from "./event-log.ts";
import { eventsRoute } from "./events.ts";
import { fieldsRoute } from "./fields.ts";
import { historyRoute } from "./history.ts";
import { hostRoute } from "./host.ts";
import { killRoute } from "./kill.ts";
import { listingRoute } from "./listing.ts";
import { liveRoute } from "./live.ts";
import { mapRoute } from "./map.ts";
import { openMetrics } from "./metrics.ts";
import { openMoments } from "./moments.ts";
import { withOpenapi } from "./openapi.ts";
import type { Route } from "./route.ts";
import { openSampler, type Sampler } from "./sampler.ts";
import { socketRoute } from "./socket.ts";
import { streamRoute } from "./stream.ts";

/** Everything behind the routes. */
export interface Service extends Disposable {
  /** Every route. The checks, /openapi.json and the tests are made from it. */
  readonly routes: readonly Route[];
  readonly sampler: Sampler;
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
  const routes = [
    ...assetRoutes(),
    hostRoute(context, feed),
    fieldsRoute(),
    liveRoute(moments),
    socketRoute({ context, sampler, moments, doctor }),
    mapRoute(moments),
    listingRoute(moments),
    doctorRoute(doctor),
    historyRoute(context),
    eventsRoute(feed, log),
    streamRoute({ sampler, log, epoch, intervalMs }),
    ...(metrics === undefined ? [] : [metrics.route]),
    ...(allowKill ? [killRoute(sampler, moments)] : []),
  ];
  return {
    sampler,
    routes: withOpenapi(routes, version),
    [Symbol.dispose]() {
      metrics?.[Symbol.dispose]();
      feed[Symbol.dispose]();
      sampler[Symbol.dispose]();
    },
  };
}
