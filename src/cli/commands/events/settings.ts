/** What the options of `events` set. */
import type { EventKind, EventSource } from "../../../events/event.ts";

/** What the options of `events` have come to. */
export interface EventsSettings {
  readonly form: "lines" | "ndjson";
  /** The sources that may be used; undefined: all that can be had. */
  readonly sources: ReadonlySet<EventSource> | undefined;
  /** Whether the sources are listed, and nothing else is done. */
  readonly listSources: boolean;
  /** The kinds of event to show; undefined: all. */
  readonly only: ReadonlySet<EventKind> | undefined;
  /** Between two listings, in milliseconds; undefined: what the sources need. */
  readonly intervalMs: number | undefined;
  /** The filter that an event ends the run by. */
  readonly until: string | undefined;
  /** How many events the run ends after. */
  readonly count: number | undefined;
  /** How long the run lasts at most, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Memory of the trace for each processor, in kilobytes. */
  readonly traceBufferKb: number | undefined;
}

/** The exit status of a run that timed out before what it waited for: that of timeout(1). */
export const EXIT_TIMEOUT = 124;
