/** The metrics of one host: takes samples, events and findings, and gives them as an exposition. */
import type { Report } from "../doctor/examine.ts";
import type { SocketEvent } from "../events/event.ts";
import type { Holders } from "../live/owners.ts";
import type { SocketTable } from "../live/table.ts";
import { EventCounters } from "./event-counters.ts";
import { type Exposition, type Family, writeExposition } from "./exposition.ts";
import { families, fixedSeries, type Point } from "./families.ts";
import { FindingCounts } from "./findings.ts";
import { newGroups, sizesWithin } from "./groups.ts";
import { Histogram, sampleBounds } from "./histogram.ts";
import { type ProcFiles, readHostNumbers } from "./host-numbers.ts";
import { newKinds } from "./kind-counters.ts";
import { FEWEST_SERIES, type PeerLabel, SERIES_LIMIT } from "./limits.ts";
import { negotiate } from "./negotiate.ts";
import { SampleCounters } from "./sample-counters.ts";
import type { Cost, MetricsState } from "./state.ts";
import { Traffic } from "./traffic.ts";

/** What metrics need of their surroundings. */
export interface MetricsOptions {
  /** Version of the program. */
  readonly version: string;
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number;
  /** Files below /proc. */
  readonly files: ProcFiles;
  /** What the process has cost so far. */
  readonly cost: () => Cost;
  /** The names of the sources of events, which then have series from the start. */
  readonly sources: readonly string[];
  /** What the label `peer` has. */
  readonly peerLabel?: PeerLabel;
  /** The most series; at least {@link FEWEST_SERIES}. */
  readonly seriesLimit?: number;
}

/** A sample of all sockets. */
export interface MetricsSample {
  /** Its number: a sample that was counted is not counted again. */
  readonly number: number;
  /** Milliseconds that it took. */
  readonly durationMs: number;
  readonly table: SocketTable;
  readonly holders: Pick<Holders, "name">;
}

/** The metrics of one host. */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #state: MetricsState;
  #number: number | undefined;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const { peerLabel = "address" } = options;
    const seriesLimit = Math.max(options.seriesLimit ?? SERIES_LIMIT, FEWEST_SERIES);
    const groups = newGroups(sizesWithin(seriesLimit - fixedSeries));
    const kinds = newKinds();
    const traffic = new Traffic(groups, kinds, peerLabel);
    const sample = new SampleCounters(groups, traffic);
    this.#state = {
      version: options.version,
      sample,
      events: new EventCounters(traffic, sample, options.sources),
      traffic,
      kinds,
      groups,
      findings: new FindingCounts(),
      sampleDurations: new Histogram(sampleBounds),
      host: undefined,
      cost: options.cost(),
      series: 0,
      seriesLimit,
    };
  }

  /** Counts a sample. The first one is the base: what its connections have carried before is not counted. */
  takeSample({ number, durationMs, table, holders }: MetricsSample): void {
    if (number === this.#number) return;
    this.#number = number;
    const state = this.#state;
    state.sampleDurations.observe(durationMs / 1000);
    state.host = readHostNumbers(this.#options.files);
    state.sample.take(table, holders, state.host.portRange, this.#options.now());
  }

  /** Counts an event. */
  takeEvent(event: SocketEvent): void {
    this.#state.events.take(event, this.#options.now());
  }

  /** Takes the findings of an examination. @param wallMs when it was made, in milliseconds since 1970 */
  takeReport(report: Report, wallMs: number): void {
    this.#state.findings.take(report, wallMs);
  }

  /** All families with their points, as they are now. */
  collect(): readonly Family[] {
    const state = this.#state;
    state.cost = this.#options.cost();
    state.series = 0;
    return Object.entries(families).map(([name, row]) => {
      const points: Point[] = [...row.read(state)];
      for (const { value } of points) state.series += typeof value === "number" ? 1 : value.bounds.length + 3;
      return { name, row, points };
    });
  }

  /** Everything that was counted, in the format that a client accepts. @param accept its header `Accept` */
  exposition(accept: string | undefined): Exposition {
    return writeExposition(this.collect(), negotiate(accept));
  }
}
