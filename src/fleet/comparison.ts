/** Compares hosts: two samples of their TCP sockets, the NAT between them, and the connections that both ends show. */
import { type End, identityOf } from "./ends.ts";
import type { HostOutcome } from "./fan-out.ts";
import { type JoinContext, type Joined, joinEnds } from "./join.ts";
import {
  type AskAll,
  type EndsRequest,
  type NatSample,
  type Sample,
  sampleEnds,
  sampleNat,
} from "./samples.ts";

/** The clock of a host. */
export interface HostClock {
  readonly host: string;
  /** How far it is ahead of ours, in milliseconds. */
  readonly aheadMs: number;
  /** How much that may be off. */
  readonly errorMs: number;
}

/** The result of {@link compareHosts}. */
export interface Comparison {
  readonly first: Sample;
  /** Of the hosts that answered whole before. */
  readonly second: Sample;
  /** Seconds between the samples. */
  readonly seconds: number;
  /** The connections of each sample. */
  readonly before: Joined;
  readonly now: Joined;
  /** Hosts whose NAT was needed and could not be read, though they forward packets. */
  readonly unreadNat: readonly string[];
  /** As they were when the samples were taken. */
  readonly clocks: readonly HostClock[];
  /** Why hosts are not compared, by host. */
  readonly leftOut: ReadonlyMap<string, string>;
}

/** When the samples were taken. */
export interface Timing {
  readonly clocks: ReadonlyMap<string, HostClock>;
  /** Milliseconds on our clock, by host. */
  readonly firstMs: ReadonlyMap<string, number>;
  readonly secondMs: ReadonlyMap<string, number>;
  /** Seconds between the samples. */
  readonly seconds: number;
}

/** The most exact measurement of each host's clock. */
export function clocksOf(outcomes: readonly HostOutcome[]): ReadonlyMap<string, HostClock> {
  const best = new Map<string, HostClock>();
  for (const { host, clock } of outcomes)
    if (clock !== undefined && clock.errorMs < (best.get(host)?.errorMs ?? Number.POSITIVE_INFINITY))
      best.set(host, { host, aheadMs: clock.aheadMs, errorMs: clock.errorMs });
  return best;
}

/** When a sample was taken on each host, on our clock: by the host's own clock, with its offset removed. */
function takenAt({ outcomes }: Sample, clocks: ReadonlyMap<string, HostClock>): ReadonlyMap<string, number> {
  return new Map(
    outcomes.flatMap(({ host, clock }) =>
      clock === undefined ? [] : [[host, clock.wallMs - clocks.get(host)!.aheadMs] as const],
    ),
  );
}

/** The times of the ends of two samples, and their earlier states. */
function historyOf(
  first: Sample,
  { clocks, firstMs, secondMs }: Timing,
): Pick<JoinContext, "seen" | "earlier"> {
  let states: ReadonlyMap<string, End> | undefined;
  const earlier = (end: End) => {
    states ??= new Map(first.ends.map((each) => [identityOf(each), each]));
    return states.get(identityOf(end));
  };
  return {
    earlier,
    seen(end) {
      const toMs = secondMs.get(end.host);
      if (toMs === undefined) return undefined;
      const fromMs = earlier(end) === undefined ? toMs : (firstMs.get(end.host) ?? toMs);
      return { fromMs, toMs, errorMs: clocks.get(end.host)!.errorMs };
    },
  };
}

/**
 * Joins two samples.
 *
 * @param natBetween reads the NAT between the hosts, after the ends were joined without it
 */
export async function joinSamples(
  first: Sample,
  second: Sample,
  timing: Timing,
  natBetween: (plain: Joined) => Promise<NatSample | undefined>,
): Promise<Comparison> {
  const { addresses } = second;
  const nat = await natBetween(joinEnds(second.ends, { addresses }));
  const common = { addresses, ...nat };
  const isUnread = (host: string) => {
    const facts = nat?.nat.get(host);
    return facts?.forwards === true && !facts.readable;
  };
  return {
    first,
    second,
    seconds: timing.seconds,
    before: joinEnds(first.ends, common),
    now: joinEnds(second.ends, { ...common, ...historyOf(first, timing) }),
    unreadNat: [...addresses.keys()].filter(isUnread),
    clocks: [...timing.clocks.values()],
    leftOut: new Map([...first.reasons, ...second.reasons]),
  };
}

/**
 * Compares hosts by two samples of the present that were taken already.
 *
 * @param seconds the time between them
 * @param budgetMs milliseconds that an answer about NAT may take
 */
export function compareSamples(
  ask: AskAll,
  first: Sample,
  second: Sample,
  { seconds, budgetMs }: { readonly seconds: number; readonly budgetMs: number },
): Promise<Comparison> {
  const clocks = clocksOf([...first.outcomes, ...second.outcomes]);
  const timing = { clocks, firstMs: takenAt(first, clocks), secondMs: takenAt(second, clocks), seconds };
  const hosts = [...second.addresses.keys()];
  return joinSamples(first, second, timing, (plain) => sampleNat(ask, hosts, plain, budgetMs));
}

/**
 * Samples hosts twice, and compares them.
 *
 * @param pause waits between the samples
 * @param now milliseconds of a clock that never goes back
 */
export async function compareHosts(
  ask: AskAll,
  hosts: readonly string[],
  request: EndsRequest,
  pause: () => Promise<void>,
  now: () => number,
): Promise<Comparison> {
  const begunMs = now();
  const first = await sampleEnds(ask, hosts, request);
  const whole = [...first.addresses.keys()];
  if (whole.length > 0) await pause();
  const seconds = (now() - begunMs) / 1000;
  const second = await sampleEnds(ask, whole, request);
  return compareSamples(ask, first, second, { seconds, budgetMs: request.budgetMs });
}
