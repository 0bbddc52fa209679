/** The loop of a recorder: events, samples and writes to disk in turn. */
import type { Follower } from "../../../events/follower.ts";
import type { NamespaceSearch } from "../../../events/namespace-search.ts";
import type { Netns } from "../../../host/namespaces.ts";
import { processorMs } from "../../../host/processor-time.ts";
import type { Demand } from "../../../model/demand.ts";
import type { OpenQuery } from "../../../query/open.ts";
import { BUNDLE_MS, type ConnectionIntake } from "../../../store/bundles.ts";
import { type RecorderClock, readClocks } from "../../../store/clock.ts";
import type { OwnerTracker } from "../../../store/owner-tracker.ts";
import type { Store } from "../../../store/store.ts";
import { noteHost, notePlace } from "./context.ts";
import { Degradation, degradedSteps } from "./degradation.ts";
import type { Endings } from "./endings.ts";
import type { Pauses } from "./pause.ts";
import type { Sampler } from "./sampler.ts";
import type { RecordSettings } from "./settings.ts";

/** Time between two rounds of events: while there are many, and while there are few. */
const BUSY_ROUND_MS = 20;
const ROUND_MS = 250;
/** Events in a round that are many: the kernel keeps some ten thousand ends of sockets for us. */
const MANY_EVENTS = 50;
/** Time between two writes to disk. */
const FLUSH_MS = BUNDLE_MS;
/** How long events may be taken after a signal. */
const DRAIN_MS = 5000;
/** A sample that takes longer is noted, as its sockets are not of one moment. */
const SLOW_MS = 500;
/** How often interfaces, control groups and counters of /proc are noted. */
const CONTEXT_MS = 60_000;

/** What a recorder is made of. */
export interface RecorderParts {
  readonly query: OpenQuery;
  readonly sampler: Sampler;
  readonly endings: Endings;
  readonly intake: ConnectionIntake;
  readonly owners: OwnerTracker;
  readonly store: Store;
  readonly clock: RecorderClock;
  /** The number of a network namespace in the store; undefined is our own. */
  readonly placeOf: (netns: Netns | undefined) => number;
  /** Keeps the namespaces of the query in step with the host; undefined if only our own is recorded. */
  readonly namespaces: NamespaceSearch | undefined;
  readonly pauses: Pauses;
  readonly settings: Pick<RecordSettings, "delayMs">;
}

/** Records. */
export class Recorder {
  readonly #parts: RecorderParts;
  readonly #degradation = new Degradation();
  #contextAt = Number.NEGATIVE_INFINITY;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Takes one sample. @param single whether no other follows */
  takeOne(single = false): void {
    const { query, sampler, store, clock, owners, settings } = this.#parts;
    const begun = processorMs();
    const { wallMs } = readClocks(clock);
    owners.sweeps = !this.#degradation.leavesOut("owners");
    const wanted = query.request.demands;
    const demands = this.#degradation.leavesOut("tcp_info")
      ? new Set<Demand>([...wanted].filter((demand) => demand !== "info"))
      : wanted;
    const socketsMs = sampler.take(query, demands, single);
    if (socketsMs > SLOW_MS) store.cover("slow", wallMs, wallMs + socketsMs, Math.round(socketsMs));
    const now = performance.now();
    if (now >= this.#contextAt) {
      this.#contextAt = now + CONTEXT_MS;
      this.#noteContext();
    }
    const tookMs = processorMs() - begun;
    const { level } = this.#degradation;
    if (this.#degradation.note(tookMs, settings.delayMs)) this.#noteDegradation(level);
  }

  /** Takes samples and events in turn until interrupted. @param follower follows events; undefined without any */
  async run(interrupted: AbortSignal, follower: Follower | undefined): Promise<void> {
    const { endings, namespaces, pauses, settings } = this.#parts;
    let sampleAt = performance.now();
    let flushAt = sampleAt + FLUSH_MS;
    while (!interrupted.aborted) {
      const seen = endings.count;
      const more = (await follower?.round()) ?? false;
      const isBusy = endings.count - seen > MANY_EVENTS;
      // A signal that comes during long work reaches its handler in the event loop.
      let entersLoop = isBusy;
      await namespaces?.searchIfDue(follower);
      const now = performance.now();
      if (now >= sampleAt) {
        this.takeOne();
        entersLoop = true;
        sampleAt = Math.max(sampleAt + this.#degradation.pauseMs(settings.delayMs), now);
      }
      if (now >= flushAt) {
        this.#flush();
        entersLoop = true;
        flushAt = now + FLUSH_MS;
      }
      const pauseMs = Math.max(0, Math.min(sampleAt, flushAt) - performance.now());
      await pauses.wait(more ? 0 : Math.min(pauseMs, isBusy ? BUSY_ROUND_MS : ROUND_MS), entersLoop);
    }
    if (follower !== undefined) await this.#drain(follower);
  }

  /** Takes the events that wait at the end. What takes too long is counted as lost. */
  async #drain(follower: Follower): Promise<void> {
    const untilMs = performance.now() + DRAIN_MS;
    while (performance.now() < untilMs) if (!(await follower.round())) return;
    const { store, clock } = this.#parts;
    const nowMs = clock.wallMs();
    const left = follower.abandon();
    if (left > 0) store.cover("lost", nowMs, nowMs, left, "events that waited at the end");
  }

  /** Writes what waits, and ends the run. */
  close(): void {
    const { endings, intake, store, clock } = this.#parts;
    const now = readClocks(clock);
    intake.end(now.wallMs);
    endings.noteLosses();
    store.close(now);
  }

  #flush(): void {
    const { endings, intake, store, clock } = this.#parts;
    const now = readClocks(clock);
    intake.end(now.wallMs);
    endings.noteLosses();
    store.flush(now);
  }

  #noteContext(): void {
    const { query, store, placeOf } = this.#parts;
    for (const { host, netns } of query.places) notePlace(store, placeOf(netns), host);
    const { host, netns } = query.places[0];
    noteHost(store, placeOf(netns), host);
  }

  /** Notes which steps were taken, or taken back. @param before the level until now */
  #noteDegradation(before: number): void {
    const { store, clock } = this.#parts;
    const now = readClocks(clock);
    const { level } = this.#degradation;
    for (const step of degradedSteps.slice(before, level))
      store.beginSpan("degraded", `without ${step}`, now);
    for (const step of degradedSteps.slice(level, before)) store.endSpan("degraded", `without ${step}`, now);
  }
}
