/** Examines one sample after another as somebody else takes them: nothing is listed or looked up for it. */
import type { Netns } from "../host/namespaces.ts";
import type { SocketBatch } from "../query/query.ts";
import {
  begin,
  type ChosenRule,
  type Diagnosis,
  type ExaminedPlace,
  feed,
  isCheckedAt,
  type PlaceSample,
  type Routes,
  rank,
  routesOf,
} from "./examine.ts";
import { sentence } from "./owner.ts";
import type { Collector } from "./rule.ts";
import type { Sample, Samples } from "./sample.ts";

/** The samples of all places at one time. */
interface Round {
  /** By a clock that never goes back. */
  readonly atMs: number;
  readonly samples: readonly PlaceSample[];
  readonly routes: ReadonlyMap<Netns | undefined, Routes>;
}

/** Examines consecutive samples: a rule that compares two gets the one before. */
export class Rounds {
  readonly #rules: readonly ChosenRule[];
  #places: readonly ExaminedPlace[];
  #previous: Round | undefined;
  #current: Round | undefined;

  constructor(rules: readonly ChosenRule[], places: readonly ExaminedPlace[]) {
    this.#rules = rules;
    this.#places = places;
  }

  /** Sets the places of the next sample. A rule that compares two finds the same place in both. */
  use(places: readonly ExaminedPlace[]): void {
    this.#places = places;
  }

  /** Begins a sample: reads the counters. @param atMs by a clock that never goes back */
  begin(atMs: number): void {
    const samples = this.#places.map((place, index) =>
      begin(
        place,
        this.#rules.filter((chosen) => isCheckedAt(chosen, place, index)),
      ),
    );
    const routes = new Map(samples.map(({ place, taken }) => [place.netns, routesOf(taken, "first")]));
    this.#current = { atMs, samples, routes };
  }

  /** Takes sockets of one place. They are copied where rules keep them. */
  feed(batch: SocketBatch): void {
    const routes = this.#current?.routes.get(batch.sockets[0]?.origin.netns);
    if (routes !== undefined) feed(routes, [batch]);
  }

  /**
   * Ends the sample.
   *
   * @param single whether to judge a first sample alone; otherwise it gives nothing
   * @returns the findings, the worst first
   */
  finish(single = false): Diagnosis[] {
    const current = this.#current;
    const previous = this.#previous;
    this.#previous = current;
    this.#current = undefined;
    if (current === undefined || (previous === undefined && !single)) return [];
    const elapsedMs = previous === undefined ? 0 : current.atMs - previous.atMs;
    const earlier = new Map(previous?.samples.map((sample) => [sample.place, sample]));
    return current.samples
      .flatMap(({ place, counters, taken }) => {
        const before = earlier.get(place);
        return taken.flatMap(({ chosen, collector }, index): Diagnosis[] => {
          const { rule, thresholds } = chosen;
          if (elapsedMs === 0 && rule.rate === true) return [];
          const sample = (from: Collector<unknown> | undefined, counts = counters): Sample<unknown> => ({
            gathered: from?.gathered,
            counters: counts,
          });
          const first = rule.sockets?.again === undefined ? collector : before?.taken[index]?.collector;
          const samples: Samples<unknown> = {
            ...place.hostFacts,
            first: sample(first ?? collector, before?.counters),
            last: sample(collector),
            elapsedMs,
            thresholds,
          };
          return rule.check(samples).map((finding) => ({
            ...finding,
            title: sentence(finding.title),
            rule,
            place: rule.hostWide ? undefined : place,
          }));
        });
      })
      .sort((a, b) => rank(b.severity) - rank(a.severity));
  }
}
