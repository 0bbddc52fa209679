/**
 * All sources of events, in the order in which a round reads them: ends first, then the tables, then the trace up to
 * that moment. So the more precise report of a change is always there before one that only repeats it.
 */
import type { EventSource } from "./event-source.ts";
import { conntrackSource } from "./sources/conntrack.ts";
import { destroySource } from "./sources/destroy.ts";
import { fibSource } from "./sources/fib.ts";
import { pollingSource } from "./sources/polling.ts";
import { tracefsSource } from "./sources/tracefs.ts";

/** The sources; a new one is a file in sources/ and a line here. */
export const eventSources: readonly EventSource[] = [
  destroySource,
  conntrackSource,
  pollingSource,
  tracefsSource,
  fibSource,
];
