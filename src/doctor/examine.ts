/**
 * One examination: list the sockets once for all rules, wait, fetch again the sockets that rules picked, then run the
 * checks.
 */
import type { InetSocket } from "../families/inet/socket.ts";
import { stateNumber } from "../families/numbers.ts";
import type { Socket } from "../families/socket.ts";
import type { Place } from "../lookup/places.ts";
import { type Demands, demandSet } from "../model/demand.ts";
import { requestOrder } from "../model/request-order.ts";
import type { DumpName, Selection } from "../model/selection.ts";
import { SS_CLOSE } from "../model/state.ts";
import type { Predicate, Query, SocketBatch } from "../query/query.ts";
import { hasUniqueTuple, refetch } from "../query/refetch.ts";
import { type Counters, readCounters } from "./counters.ts";
import { sentence } from "./owner.ts";
import { type Collector, type Finding, type Rule, type Severity, severities } from "./rule.ts";
import type { HostFacts, Sample, Samples } from "./sample.ts";

/** A rule with the thresholds to use. */
export interface ChosenRule {
  readonly rule: Rule;
  readonly thresholds: Readonly<Record<string, number>>;
}

/** A network namespace to examine. */
export interface ExaminedPlace extends Place {
  readonly selection: Selection;
  readonly predicate: Predicate | undefined;
  /** Facts other than sockets. */
  readonly hostFacts: HostFacts;
}

/** What to examine, and the effects that it takes. */
export interface Examination {
  readonly rules: readonly ChosenRule[];
  readonly places: readonly ExaminedPlace[];
  /** The query of every listing. Rules narrow its selection and add to its details. */
  readonly query: Omit<Query, "selection" | "predicate">;
  /** Lists the sockets of one namespace. */
  list(place: Place, query: Query): Iterable<SocketBatch>;
  /** Milliseconds between the samples; 0 for one sample. */
  readonly apartMs: number;
  /** Whether the kernel finds single sockets; otherwise the second sample lists again. A past one does not. */
  readonly findsSingle?: boolean;
  /** Waits. @returns false if the user interrupted the wait */
  wait(ms: number): Promise<boolean>;
  /** A monotonic clock, in milliseconds. */
  now(): number;
  /** Finds the owners of sockets. `owners` of the facts then has them, in addition to those found before. */
  findOwners(inodes: ReadonlySet<number>): void;
  /** How many sockets of a finding the output shows, for which owners are needed. */
  readonly shown: number;
  /** Resolves host names. `addresses` of the facts then has their addresses. */
  resolve(hostNames: ReadonlySet<string>): Promise<void>;
}

/** A finding with its rule and place. */
export interface Diagnosis extends Finding {
  readonly rule: Rule;
  /** The namespace; undefined for a finding about the whole host. */
  readonly place: ExaminedPlace | undefined;
}

/** The result of an examination. */
export interface Report {
  /** The worst first. */
  readonly diagnoses: readonly Diagnosis[];
  /** Milliseconds between the samples; 0 for one sample. */
  readonly elapsedMs: number;
  /** How many sockets were listed for the first sample. */
  readonly sockets: number;
  /** Rules that were checked. */
  readonly checked: readonly Rule[];
  /** Rules that need two samples and got one. */
  readonly unchecked: readonly Rule[];
}

/** One rule and its collector in a sample. */
interface Taken {
  readonly chosen: ChosenRule;
  readonly collector: Collector<unknown> | undefined;
}

/** A sample of one namespace. */
export interface PlaceSample {
  readonly place: ExaminedPlace;
  readonly counters: Counters;
  readonly taken: readonly Taken[];
}

/** The collectors of each table, by socket state. */
export type Routes = ReadonlyMap<DumpName, readonly (readonly Collector<unknown>[])[]>;

const STATES = 32;

/** Which of the two samples. */
type Pass = "first" | "second";

/** Above this number, listing the tables again costs less than one request per socket. */
const SINGLE_LIMIT = 1000;

/** The states that a rule reads in the first or the second sample. */
function statesOf({ rule }: ChosenRule, pass: Pass): number {
  const { states = 0, statesAgain = states } = rule.sockets ?? {};
  return pass === "first" ? states : statesAgain;
}

/** Which collectors read the sockets of each table and state. */
export function routesOf(taken: readonly Taken[], pass: Pass): Routes {
  const routes = new Map<DumpName, Collector<unknown>[][]>();
  for (const { chosen, collector } of taken) {
    const gathering = chosen.rule.sockets;
    if (gathering === undefined || collector === undefined) continue;
    for (const table of gathering.tables) {
      let route = routes.get(table);
      if (route === undefined) {
        route = Array.from({ length: STATES }, () => []);
        routes.set(table, route);
      }
      route.forEach((collectors, state) => {
        if ((statesOf(chosen, pass) & (1 << state)) !== 0) collectors.push(collector);
      });
    }
  }
  return routes;
}

/** Passes every socket to the collectors of its table and state. @returns how many sockets there were */
export function feed(
  routes: Routes,
  batches: Iterable<SocketBatch>,
  wanted?: ReadonlySet<bigint | undefined>,
): number {
  let count = 0;
  for (const { dump, sockets } of batches) {
    const route = routes.get(dump);
    count += sockets.length;
    if (route === undefined) continue;
    for (const socket of sockets) {
      if (wanted !== undefined && !wanted.has(socket.cookie)) continue;
      for (const collector of route[stateOf(socket)]!) collector.see(socket);
    }
  }
  return count;
}

/** The state of a socket; families without states count as closed, as in ss. */
function stateOf(socket: Socket): number {
  return (stateNumber(socket) ?? SS_CLOSE) & (STATES - 1);
}

/** One request per table, with only the states and details that some rule reads. */
function* requestsOf(
  selection: Selection,
  rules: readonly ChosenRule[],
  pass: Pass,
): Generator<{ readonly selection: Selection; readonly demands: Demands }> {
  for (const { name } of requestOrder(selection)) {
    const looking = rules.filter(({ rule }) => rule.sockets?.tables.includes(name));
    const states = selection.states & looking.reduce((mask, each) => mask | statesOf(each, pass), 0);
    if (states === 0) continue;
    const tables = [...selection.tables].filter((table) =>
      requestOrder({ ...selection, tables: new Set([table]) }).some((each) => each.name === name),
    );
    yield {
      selection: { ...selection, tables: new Set(tables), states },
      demands: demandSet(...looking.map(({ rule }) => rule.sockets?.demands)),
    };
  }
}

/**
 * Whether a rule is checked in a namespace: a host-wide rule in the first only, a rule about sockets only if the
 * command line selects one of its tables and states.
 */
export function isCheckedAt({ rule }: ChosenRule, { selection }: ExaminedPlace, index: number): boolean {
  if (rule.hostWide && index > 0) return false;
  const { sockets } = rule;
  if (sockets === undefined) return true;
  const isSelected = requestOrder(selection).some(({ name }) => sockets.tables.includes(name));
  return isSelected && (selection.states & sockets.states) !== 0;
}

/** The counters of a namespace. They cover all of its sockets, so with a filter they would mislead. */
function countersOf({ hostFacts, predicate }: ExaminedPlace): Counters {
  return predicate === undefined ? readCounters((path) => hostFacts.file(path)) : new Map();
}

/** Begins a sample: reads the counters and makes the collectors. */
export function begin(place: ExaminedPlace, rules: readonly ChosenRule[]): PlaceSample {
  const taken = rules.map((chosen) => ({
    chosen,
    collector: chosen.rule.sockets?.collect(chosen.thresholds),
  }));
  return { place, counters: countersOf(place), taken };
}

/** Lists the sockets that the rules read. */
function* listFor(
  { query, list }: Examination,
  place: ExaminedPlace,
  rules: readonly ChosenRule[],
  pass: Pass,
): Generator<SocketBatch> {
  const { predicate, netns } = place;
  for (const request of requestsOf(place.selection, rules, pass))
    yield* list(place, {
      ...query,
      selection: request.selection,
      demands: demandSet(query.demands, request.demands),
      predicate,
      ...(netns === undefined ? {} : { netns }),
    });
}

/** The sockets that rules fetch again. */
function* wantedAgain({ taken }: PlaceSample) {
  for (const { chosen, collector } of taken) {
    const wanted = chosen.rule.sockets?.again?.(collector!.gathered, chosen.thresholds);
    if (wanted === "all" || (wanted !== undefined && wanted.length > 0)) yield { chosen, wanted };
  }
}

/** Takes the second sample of a namespace. */
function takeAgain(examination: Examination, first: PlaceSample): PlaceSample {
  const { place } = first;
  const { findsSingle = true } = examination;
  const everything = new Set<ChosenRule>();
  const listed = new Map<ChosenRule, readonly Socket[]>();
  const alone = new Map<ChosenRule, readonly InetSocket[]>();
  for (const { chosen, wanted } of wantedAgain(first)) {
    if (wanted === "all") everything.add(chosen);
    else if (findsSingle && wanted.length <= SINGLE_LIMIT && wanted.every(hasUniqueTuple))
      alone.set(chosen, wanted);
    else listed.set(chosen, wanted);
  }
  const second = begin(
    place,
    first.taken.map(({ chosen }) => chosen),
  );
  const part = (picked: (chosen: ChosenRule) => boolean) =>
    second.taken.filter(({ chosen }) => picked(chosen));
  const whole = part((chosen) => everything.has(chosen));
  const some = part((chosen) => listed.has(chosen));
  const routes = routesOf(whole, "second");
  const picked = some.map((taken) => ({
    routes: routesOf([taken], "second"),
    wanted: new Set(listed.get(taken.chosen)!.map(({ cookie }) => cookie)),
  }));
  const rules = [...whole, ...some].map(({ chosen }) => chosen);
  if (rules.length > 0)
    for (const batch of listFor(examination, place, rules, "second")) {
      feed(routes, [batch]);
      for (const { routes, wanted } of picked) feed(routes, [batch], wanted);
    }
  for (const { chosen, collector } of part((chosen) => alone.has(chosen)))
    for (const socket of refetch(
      place.host.transport,
      {
        ...examination.query,
        demands: demandSet(examination.query.demands, chosen.rule.sockets!.demands),
        netns: place.netns,
      },
      alone.get(chosen)!,
    ))
      if ((statesOf(chosen, "second") & (1 << socket.stateNumber)) !== 0) collector!.see(socket);
  return second;
}

/** Whether any rule uses a second sample. */
function needsTwo({ rules }: Examination, samples: readonly PlaceSample[]): boolean {
  return (
    rules.some(({ rule }) => rule.rate !== undefined) ||
    samples.some((sample) => !wantedAgain(sample).next().done)
  );
}

/** The inodes of sockets whose owners the checks read. */
function inodesOf(samples: readonly PlaceSample[]): Set<number> {
  const inodes = new Set<number>();
  for (const { place, taken } of samples)
    for (const { chosen, collector } of taken)
      for (const inode of chosen.rule.sockets?.inodes?.(collector!.gathered, place.hostFacts) ?? [])
        inodes.add(inode);
  return inodes;
}

/** The inodes of the sockets that the output shows. */
function shownInodes(diagnoses: readonly Diagnosis[], shown: number): Set<number> {
  const sockets = diagnoses.flatMap(({ sockets = [] }) => sockets.slice(0, shown));
  return new Set(sockets.flatMap(({ inode }) => inode || []));
}

/** The input of one check. */
function samplesOf(
  first: PlaceSample,
  last: PlaceSample,
  index: number,
  elapsedMs: number,
): Samples<unknown> {
  const { chosen, collector } = first.taken[index]!;
  const again = chosen.rule.sockets?.again !== undefined ? last.taken[index]!.collector : collector;
  const sample = (counters: Counters, from: Collector<unknown> | undefined): Sample<unknown> => ({
    gathered: from?.gathered,
    counters,
  });
  return {
    ...first.place.hostFacts,
    first: sample(first.counters, collector),
    last: sample(last.counters, again),
    elapsedMs,
    thresholds: chosen.thresholds,
  };
}

/** How bad a severity is: larger is worse. */
export function rank(severity: Severity): number {
  return severities.indexOf(severity);
}

/** Finds owners, and remembers which inodes were looked up. */
function ownerFinder({ findOwners }: Examination): (inodes: ReadonlySet<number>) => void {
  const known = new Set<number>();
  return (inodes) => {
    const missing = new Set([...inodes].filter((inode) => !known.has(inode)));
    if (missing.size === 0) return;
    findOwners(missing);
    for (const inode of missing) known.add(inode);
  };
}

/** Examines the sockets. @returns the report; undefined if the wait was interrupted */
export async function examine(examination: Examination): Promise<Report | undefined> {
  const { rules, places, apartMs } = examination;
  const began = examination.now();
  const findOwners = ownerFinder(examination);
  let sockets = 0;
  const first: PlaceSample[] = places.map((place, index) => {
    const here = rules.filter((chosen) => isCheckedAt(chosen, place, index));
    const sample = begin(place, here);
    sockets += feed(routesOf(sample.taken, "first"), listFor(examination, place, here, "first"));
    return sample;
  });
  // Owners come before the wait: a connection that fails within it takes its socket along.
  findOwners(inodesOf(first));
  let last = first;
  let elapsedMs = 0;
  if (apartMs > 0 && needsTwo(examination, first)) {
    if (!(await examination.wait(apartMs))) return undefined;
    last = first.map((sample) => takeAgain(examination, sample));
    elapsedMs = examination.now() - began;
    findOwners(inodesOf(last));
  }
  const checks = first.flatMap((sample, place) =>
    sample.taken.map(({ chosen }, index) => ({
      place: sample.place,
      rule: chosen.rule,
      samples: samplesOf(sample, last[place]!, index, elapsedMs),
    })),
  );
  const hostNames = new Set(checks.flatMap(({ rule, samples }) => [...(rule.hostNames?.(samples) ?? [])]));
  if (hostNames.size > 0) await examination.resolve(hostNames);
  const single = elapsedMs === 0;
  const diagnoses = checks
    .filter(({ rule }) => !(single && rule.rate === true))
    .flatMap(({ place, rule, samples }) =>
      rule.check(samples).map((finding) => ({
        ...finding,
        title: sentence(finding.title),
        rule,
        place: rule.hostWide ? undefined : place,
      })),
    )
    .sort((a, b) => rank(b.severity) - rank(a.severity));
  findOwners(shownInodes(diagnoses, examination.shown));
  const requested = rules
    .map(({ rule }) => rule)
    .filter((rule) => checks.some((check) => check.rule === rule));
  const isUnchecked = ({ rate }: Rule) => single && rate === true;
  return {
    diagnoses,
    elapsedMs,
    sockets,
    checked: requested.filter((rule) => !isUnchecked(rule)),
    unchecked: requested.filter(isUnchecked),
  };
}
