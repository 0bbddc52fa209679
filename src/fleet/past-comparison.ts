/**
 * Compares hosts at a time in the past: two samples of the recorder of each host (`sockscope record`), joined as those of
 * the present are. Times are on our clock, although each recorder wrote down the time of its own.
 */
import { type Comparison, clocksOf, type HostClock, joinSamples } from "./comparison.ts";
import type { HostOutcome } from "./fan-out.ts";
import type { PastSample } from "./protocol.ts";
import { type AskAll, type EndsRequest, type Sample, sampleEnds, sampleForwarding } from "./samples.ts";

/** When a recorder took a sample. */
export interface SampleTime {
  readonly host: string;
  /** Milliseconds since 1970 on our clock. */
  readonly atMs: number;
  /** How far the host's clock was ahead of ours then, and how much both may be off. */
  readonly clock: HostClock;
}

/** The result of {@link compareHostsAt}. */
export interface PastComparison extends Comparison {
  /** The later sample of each host that is compared. */
  readonly times: readonly SampleTime[];
}

/** Milliseconds by which a recorder's clock may be off before its sample is chosen again. */
const CLOCK_SLACK_MS = 250;
/** How much a clock may be off after a reboot: the time since the sample is known by the wall clock alone. */
const REBOOT_ERROR_MS = 1000;
/** Questions that wait for answers at a time, where each host gets its own. */
const BATCH = 32;

/** A past sample on our clock. @param clock that of its host, now */
function timeOf(
  { host, clock: present, hello }: HostOutcome,
  past: PastSample,
  clock: HostClock,
): SampleTime {
  // The time since boot knows nothing of changes of the wall clock since then.
  const isSameBoot = present !== undefined && hello?.bootId === past.bootId;
  const atMs = isSameBoot
    ? present.wallMs - clock.aheadMs - (present.bootMs - past.bootMs)
    : past.wallMs - clock.aheadMs;
  const errorMs = clock.errorMs + (isSameBoot ? 0 : REBOOT_ERROR_MS);
  return { host, atMs, clock: { host, aheadMs: past.wallMs - atMs, errorMs } };
}

/** A time as --at takes it. Rounded up, so that the sample of that very moment is found. */
export function atText(ms: number): string {
  return `@${Math.ceil(ms)}`;
}

/** The samples of hosts in one. */
function merged(samples: readonly Sample[]): Sample {
  return {
    ends: samples.flatMap(({ ends }) => ends),
    addresses: new Map(samples.flatMap(({ addresses }) => [...addresses])),
    outcomes: samples.flatMap(({ outcomes }) => outcomes),
    reasons: new Map(samples.flatMap(({ reasons }) => [...reasons])),
  };
}

/** The part of a sample that some hosts sent. */
function partOf({ ends, addresses, outcomes, reasons }: Sample, has: (host: string) => boolean): Sample {
  return {
    ends: ends.filter(({ host }) => has(host)),
    addresses: new Map([...addresses].filter(([host]) => has(host))),
    outcomes: outcomes.filter(({ host }) => has(host)),
    reasons: new Map([...reasons].filter(([host]) => has(host))),
  };
}

/**
 * Samples each host at a time in the past.
 *
 * @param times milliseconds since 1970 on the clock of each host
 */
export async function sampleEach(
  ask: AskAll,
  times: ReadonlyMap<string, number>,
  request: EndsRequest,
): Promise<Sample> {
  const groups = [...Map.groupBy(times.keys(), (host) => atText(times.get(host)!))];
  const samples: Sample[] = [];
  for (let from = 0; from < groups.length; from += BATCH)
    samples.push(
      ...(await Promise.all(
        groups.slice(from, from + BATCH).map(([at, hosts]) => sampleEnds(ask, hosts, { ...request, at })),
      )),
    );
  return merged(samples);
}

/** The past sample that each host's whole answer shows. */
function pastOf({ outcomes, addresses }: Sample): ReadonlyMap<string, PastSample> {
  return new Map(
    outcomes.flatMap(({ host, end }) =>
      addresses.has(host) && end?.past !== undefined ? [[host, end.past] as const] : [],
    ),
  );
}

/**
 * Compares hosts by the last samples up to a time, and those before them.
 *
 * @param request its `at` is not used
 * @param atMs the time on our clock, in milliseconds since 1970
 */
export async function compareHostsAt(
  ask: AskAll,
  hosts: readonly string[],
  request: EndsRequest,
  atMs: number,
): Promise<PastComparison> {
  const byOurClock = await sampleEach(ask, new Map(hosts.map((host) => [host, atMs])), request);
  const clocks = clocksOf(byOurClock.outcomes);
  /** Times of samples. Hosts whose answer is not whole have none. */
  const timesOf = (sample: Sample) => {
    const past = pastOf(sample);
    return new Map(
      sample.outcomes.flatMap((outcome) => {
        const found = past.get(outcome.host);
        const clock = clocks.get(outcome.host);
        return found === undefined || clock === undefined
          ? []
          : [[outcome.host, timeOf(outcome, found, clock)] as const];
      }),
    );
  };
  // Where the clock was wrong, another sample is the last one up to that time.
  const wrong = new Map<string, number>();
  for (const [host, { clock }] of timesOf(byOurClock))
    if (Math.abs(clock.aheadMs) > CLOCK_SLACK_MS) wrong.set(host, atMs + clock.aheadMs);
  // A host whose clock is wrong may have no sample at the time of ours.
  for (const [host, { aheadMs }] of clocks)
    if (byOurClock.reasons.has(host) && Math.abs(aheadMs) > CLOCK_SLACK_MS) wrong.set(host, atMs + aheadMs);
  const second = merged([
    partOf(byOurClock, (host) => !wrong.has(host)),
    await sampleEach(ask, wrong, request),
  ]);
  const secondPast = pastOf(second);
  const first = await sampleEach(
    ask,
    new Map(Array.from(secondPast, ([host, { wallMs }]) => [host, wallMs - 1])),
    request,
  );
  const firstPast = pastOf(first);

  const leftOut = new Map(second.reasons);
  for (const host of hosts) {
    const [before, now] = [firstPast.get(host), secondPast.get(host)];
    const partial = now?.partial ?? before?.partial;
    if (leftOut.has(host)) continue;
    if (now === undefined) leftOut.set(host, "its sockscope does not say when its samples were taken");
    else if (before === undefined) leftOut.set(host, "it has only one sample");
    else if (before.bootId !== now.bootId) leftOut.set(host, "it was rebooted between its samples");
    else if (partial !== undefined) leftOut.set(host, partial);
  }
  const isCompared = (host: string) => !leftOut.has(host);
  const [earlier, later] = [partOf(first, isCompared), partOf(second, isCompared)];
  const [firstTimes, times] = [timesOf(earlier), timesOf(later)];
  const millisecondsOf = (list: ReadonlyMap<string, SampleTime>) =>
    new Map(Array.from(list, ([host, time]) => [host, time.atMs]));
  const between = Array.from(times, ([host, time]) => time.atMs - firstTimes.get(host)!.atMs);
  const timing = {
    clocks: new Map(Array.from(times, ([host, { clock }]) => [host, clock])),
    firstMs: millisecondsOf(firstTimes),
    secondMs: millisecondsOf(times),
    seconds: between.length === 0 ? 0 : Math.min(...between) / 1000,
  };
  const comparison = await joinSamples(earlier, later, timing, ({ missing }) =>
    missing.length === 0
      ? Promise.resolve(undefined)
      : sampleForwarding(ask, [...later.addresses.keys()], request.budgetMs),
  );
  return { ...comparison, times: [...times.values()], leftOut };
}
