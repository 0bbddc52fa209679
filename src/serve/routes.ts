/** The table of routes, and what they share. */
import { assetRoutes } from "./assets.ts";
import type { ServeContext } from "./context.ts";
import { openFeed } from "./event-feed.ts";
import { openLog } from "./event-log.ts";
import { hostRoute } from "./host.ts";
import { liveRoute } from "./live.ts";
import { openMetrics } from "./metrics.ts";
import { openMoments } from "./moments.ts";
import { withOpenapi } from "./openapi.ts";
import type { Route } from "./route.ts";
import { openSampler, type Sampler } from "./sampler.ts";
import { streamRoute } from "./stream.ts";

/** Everything behind the routes. */
export interface Service extends Disposable {
  /** Every route. The checks, /openapi.json and the tests are made from it. */
  readonly routes: readonly Route[];
  readonly sampler: Sampler;
}

/** Makes the routes. */
export function openService(context: ServeContext): Service {
  const sampler = openSampler(context);
  const moments = openMoments(context, sampler);
  const feed = openFeed(context);
  const log = openLog(feed);
  const { epoch } = moments;
  const { intervalMs } = context;
  const metrics = context.metrics && openMetrics(context, sampler, feed);
  return {
    sampler,
    routes: withOpenapi(
      [
        ...assetRoutes(),
        hostRoute(context),
        liveRoute(moments),
        streamRoute({ sampler, log, epoch, intervalMs }),
        ...(metrics === undefined ? [] : [metrics.route]),
      ],
      context.version,
    ),
    [Symbol.dispose]() {
      metrics?.[Symbol.dispose]();
      feed[Symbol.dispose]();
      sampler[Symbol.dispose]();
    },
  };
}
