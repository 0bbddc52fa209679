/** The settings of `events`. */
import type { EventKind } from "../../../events/event.ts";
import type { StreamSettings } from "../../fleet/stream-settings.ts";

/** The options of `events`. */
export interface EventsSettings {
  readonly form: "lines" | "ndjson";
  /** Names of the sources to use; undefined for all that work. */
  readonly sources: ReadonlySet<string> | undefined;
  /** Whether to list the sources and do nothing else. */
  readonly listSources: boolean;
  /** Whether to show the sockets that exist at the start. */
  readonly existing: boolean;
  /** The kinds of event to show; undefined for all. */
  readonly only: ReadonlySet<EventKind> | undefined;
  /** Milliseconds between two listings; undefined: depends on the other sources. */
  readonly intervalMs: number | undefined;
  /** Milliseconds between two rounds. */
  readonly latencyMs: number;
  /** The filter that ends the run. */
  readonly until: string | undefined;
  /** Number of events that ends the run. */
  readonly count: number | undefined;
  /** Longest duration of the run, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** Trace buffer of each processor, in kilobytes. */
  readonly traceBufferKb: number | undefined;
  /** With --fleet: where reading begins. */
  readonly stream: StreamSettings;
}

/** The exit status of a run that timed out before --until or --count was met, as with timeout(1). */
export const EXIT_TIMEOUT = 124;
