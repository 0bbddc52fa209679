/** The routes of the past, on a thread of their own: reading a store takes the processor for seconds. */
import type { Host } from "../host/host.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { ServeContext } from "./context.ts";
import { doctorRoute } from "./doctor.ts";
import { historyRoute } from "./history.ts";
import { listingRoute } from "./listing.ts";
import { liveRoute } from "./live.ts";
import { mapRoute } from "./map.ts";
import { openPastMoments } from "./moments.ts";
import type { FromPast, PastCall, PastSettings, ToPast } from "./past-messages.ts";
import { problemAnswer, refusalOf } from "./problem.ts";
import type { Route } from "./route.ts";
import { socketRoute } from "./socket.ts";

/** The routes that answer about the past. */
function pastRoutes(context: ServeContext): readonly Route[] {
  const moments = openPastMoments(context);
  return [
    liveRoute(moments),
    socketRoute({ context, moments }),
    mapRoute(moments),
    listingRoute(moments),
    doctorRoute(context),
    historyRoute(context, moments),
  ];
}

/** The answer to a request. @throws what the handler throws beside refusals */
async function answer(routes: readonly Route[], call: PastCall): Promise<Response> {
  const { path, values, url, headers } = call;
  try {
    const route = routes.find((each) => each.path === path)!;
    const request = new Request(url, { headers });
    return await route.handle({ values, request, signal: new AbortController().signal });
  } catch (error) {
    const refusal = refusalOf(error, values["filter"]);
    if (refusal.status === 500) throw error;
    return problemAnswer(refusal);
  }
}

/**
 * Makes the function that takes the messages of the server.
 *
 * @param host this machine, for the files that a store does not have
 */
export function pastService(
  host: Host,
  post: (message: FromPast, transfer: ArrayBuffer[]) => void,
): (message: ToPast) => void {
  let routes: readonly Route[] = [];
  const bodies = new Map<number, AsyncIterator<Uint8Array<ArrayBuffer>>>();

  function open(settings: PastSettings): void {
    routes = pastRoutes({
      ...settings,
      host,
      // The store is played as what the usual files of /proc said.
      sources: sourcesOf({}),
      allowKill: false,
      metrics: undefined,
      live: false,
    });
  }

  /** Runs a part of the work on a request. */
  async function attempt(id: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      bodies.delete(id);
      post({ kind: "failed", id, message: (error as Error).message }, []);
    }
  }

  const takers = {
    open: ({ settings }) => open(settings),
    call: ({ id, ...call }) =>
      void attempt(id, async () => {
        const { status, headers, body } = await answer(routes, call);
        if (body !== null) bodies.set(id, body[Symbol.asyncIterator]());
        post({ kind: "head", id, status, headers: Object.fromEntries(headers) }, []);
      }),
    pull: ({ id }) =>
      void attempt(id, async () => {
        const value: Uint8Array<ArrayBuffer> | undefined = (await bodies.get(id)?.next())?.value;
        if (value === undefined) bodies.delete(id);
        post({ kind: "part", id, ...(value && { bytes: value }) }, value === undefined ? [] : [value.buffer]);
      }),
    drop({ id }) {
      void bodies.get(id)?.return?.();
      bodies.delete(id);
    },
  } satisfies { [Kind in ToPast["kind"]]: (message: Extract<ToPast, { kind: Kind }>) => void };
  return (message) => (takers[message.kind] as (message: ToPast) => void)(message);
}
