/** All numbers behind the families, in one place. */
import type { EventCounters } from "./event-counters.ts";
import type { FindingCounts } from "./findings.ts";
import type { Groups } from "./groups.ts";
import type { Histogram } from "./histogram.ts";
import type { HostNumbers } from "./host-numbers.ts";
import type { KindCounters } from "./kind-counters.ts";
import type { SampleCounters } from "./sample-counters.ts";
import type { Traffic } from "./traffic.ts";

/** What this process has cost so far. */
export interface Cost {
  /** Processor time, of the system and its own, in seconds. */
  readonly cpuSeconds: number;
  /** Resident memory. */
  readonly rssBytes: number;
  /** When the process began, in seconds since 1970. */
  readonly startSeconds: number;
}

/** What the families read. */
export interface MetricsState {
  readonly version: string;
  readonly sample: SampleCounters;
  readonly events: EventCounters;
  readonly traffic: Traffic;
  readonly kinds: readonly KindCounters[];
  readonly groups: Groups;
  readonly findings: FindingCounts;
  /** Time that samples took. */
  readonly sampleDurations: Histogram;
  /** The kernel's counts at the last sample; undefined before the first. */
  host: HostNumbers | undefined;
  cost: Cost;
  /** Series of the families that were read so far in this exposition. */
  series: number;
  readonly seriesLimit: number;
}
