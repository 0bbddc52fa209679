/**
 * One examination: a pass over the sockets that feeds every rule, after a while another look at those that rules
 * want to see again, and then what the rules make of it.
 */

import type { InetSocket } from "../families/inet/socket.ts";
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
import type { Sample, Samples, Surroundings } from "./sample.ts";

/** A rule with its thresholds as they were set. */
export interface ChosenRule {
  readonly rule: Rule;
  readonly thresholds: Readonly<Record<string, number>>;
}

/** A network namespace to be examined. */
export interface ExaminedPlace extends Place {
  readonly selection: Selection;
  readonly predicate: Predicate | undefined;
  /** What is known of it beside sockets. */
  readonly surroundings: Surroundings;
}

/** What an examination does to the world. */
export interface Examination {
  readonly rules: readonly ChosenRule[];
  readonly places: readonly ExaminedPlace[];
  /** What is asked for whatever the rules need: they narrow the selection, and add to the details. */
  readonly query: Omit<Query, "selection" | "predicate">;
  /** Lists the sockets of a place. */
  list(place: Place, query: Query): Iterable<SocketBatch>;
  /** Milliseconds between the samples; 0 if there is to be only one. */
  readonly apartMs: number;
  /** Waits for as many milliseconds. @returns false if it is not to be waited for any longer */
  wait(ms: number): Promise<boolean>;
  /** The time, in milliseconds. */
  now(): number;
  /** Looks for those who have sockets open; the surroundings know these then, and no others. */
  findOwners(inodes: ReadonlySet<number>): void;
  /** How many sockets of a finding are shown, so that their owners must be known. */
  readonly shown: number;
  /** Looks up the addresses of host names; the surroundings know them then. */
  resolve(hostNames: ReadonlySet<string>): Promise<void>;
}

/** A finding with the rule that has found it. */
export interface Diagnosis extends Finding {
  readonly rule: Rule;
  /** Where; undefined if only one network namespace was looked into, or for what is about the whole host. */
  readonly place: ExaminedPlace | undefined;
}

/** What an examination comes to. */
export interface Report {
  /** The worst first. */
  readonly diagnoses: readonly Diagnosis[];
  /** Milliseconds between the samples; 0 if there was only one. */
  readonly elapsedMs: number;
  /** Sockets that were looked at. */
  readonly sockets: number;
  /** Rules that were checked. */
  readonly checked: readonly Rule[];
  /** Rules that could find nothing, as there was only one sample. */
  readonly unchecked: readonly Rule[];
}

/** The part of a sample that one rule has. */
interface Taken {
  readonly chosen: ChosenRule;
  readonly collector: Collector<unknown> | undefined;
}

/** A sample of one place. */
interface PlaceSample {
  readonly place: ExaminedPlace;
  readonly counters: Counters;
  readonly taken: readonly Taken[];
}

/** Which collectors take the sockets of a table, by state. */
type Routes = ReadonlyMap<DumpName, readonly (readonly Collector<unknown>[])[]>;

const STATES = 32;

/** Single questions cost more than a listing of everything from about here on. */
const SINGLE_LIMIT = 1000;

function routesOf(taken: readonly Taken[]): Routes {
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
        if ((gathering.states & (1 << state)) !== 0) collectors.push(collector);
      });
    }
  }
  return routes;
}

/** Hands every socket to those that look at its table and state. @returns how many there were */
function feed(
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

/** Its state, of the families that tell one; the others are closed, as in ss. */
function stateOf(socket: Socket): number {
  const told = socket.kind === "inet" || socket.kind === "unix" || socket.kind === "vsock";
  return told ? socket.stateNumber & (STATES - 1) : SS_CLOSE;
}

/** What is asked for of one table: no state and no detail that no rule looks at. */
function* requestsOf(
  selection: Selection,
  rules: readonly ChosenRule[],
): Generator<{ readonly selection: Selection; readonly demands: Demands }> {
  const gatherings = rules.flatMap(({ rule }) => rule.sockets ?? []);
  for (const { name } of requestOrder(selection)) {
    const looking = gatherings.filter(({ tables }) => tables.includes(name));
    const states = selection.states & looking.reduce((mask, each) => mask | each.states, 0);
    if (states === 0) continue;
    const tables = [...selection.tables].filter((table) =>
      requestOrder({ ...selection, tables: new Set([table]) }).some((each) => each.name === name),
    );
    yield {
      selection: { ...selection, tables: new Set(tables), states },
      demands: demandSet(...looking.map(({ demands }) => demands)),
    };
  }
}

/**
 * Whether a rule is checked at a place: what is about the whole host, only at the first; what looks at sockets, only
 * where tables and states that it looks at are selected.
 */
function isCheckedAt({ rule }: ChosenRule, { selection }: ExaminedPlace, index: number): boolean {
  if (rule.hostWide && index > 0) return false;
  const { sockets } = rule;
  if (sockets === undefined) return true;
  const isSelected = requestOrder(selection).some(({ name }) => sockets.tables.includes(name));
  return isSelected && (selection.states & sockets.states) !== 0;
}

/** The counters of a place. They are about all of its sockets, so that beside a filter they would mislead. */
function countersOf({ surroundings, predicate }: ExaminedPlace): Counters {
  return predicate === undefined ? readCounters((path) => surroundings.file(path)) : new Map();
}

/** Begins a sample: what the rules take is yet to come. */
function begin(place: ExaminedPlace, rules: readonly ChosenRule[]): PlaceSample {
  const taken = rules.map((chosen) => ({
    chosen,
    collector: chosen.rule.sockets?.collect(chosen.thresholds),
  }));
  return { place, counters: countersOf(place), taken };
}

/** Lists what the rules look at. */
function* listFor(
  { query, list }: Examination,
  place: ExaminedPlace,
  rules: readonly ChosenRule[],
): Generator<SocketBatch> {
  const { predicate, netns } = place;
  for (const request of requestsOf(place.selection, rules))
    yield* list(place, {
      ...query,
      selection: request.selection,
      demands: demandSet(query.demands, request.demands),
      predicate,
      ...(netns === undefined ? {} : { netns }),
    });
}

/** What the rules want to see again at a place. */
function* wantedAgain({ taken }: PlaceSample) {
  for (const { chosen, collector } of taken) {
    const wanted = chosen.rule.sockets?.again?.(collector!.gathered, chosen.thresholds);
    if (wanted === "all" || (wanted !== undefined && wanted.length > 0)) yield { chosen, wanted };
  }
}

/** Takes the second sample of a place. */
function takeAgain(examination: Examination, first: PlaceSample): PlaceSample {
  const { place } = first;
  const everything = new Set<ChosenRule>();
  const listed = new Map<ChosenRule, readonly Socket[]>();
  const alone = new Map<ChosenRule, readonly InetSocket[]>();
  for (const { chosen, wanted } of wantedAgain(first)) {
    if (wanted === "all") everything.add(chosen);
    else if (wanted.length <= SINGLE_LIMIT && wanted.every(hasUniqueTuple)) alone.set(chosen, wanted);
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
  const routes = routesOf(whole);
  const picked = some.map((taken) => ({
    routes: routesOf([taken]),
    wanted: new Set(listed.get(taken.chosen)!.map(({ cookie }) => cookie)),
  }));
  const rules = [...whole, ...some].map(({ chosen }) => chosen);
  if (rules.length > 0)
    for (const batch of listFor(examination, place, rules)) {
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
      if ((chosen.rule.sockets!.states & (1 << socket.stateNumber)) !== 0) collector!.see(socket);
  return second;
}

/** Whether there is a reason to wait for a second sample. */
function needsTwo({ rules }: Examination, samples: readonly PlaceSample[]): boolean {
  return (
    rules.some(({ rule }) => rule.rate !== undefined) ||
    samples.some((sample) => !wantedAgain(sample).next().done)
  );
}

/** The inodes whose owners the rules want to know. */
function inodesOf(samples: readonly PlaceSample[]): Set<number> {
  const inodes = new Set<number>();
  for (const { taken } of samples)
    for (const { chosen, collector } of taken)
      for (const inode of chosen.rule.sockets?.inodes?.(collector!.gathered) ?? []) inodes.add(inode);
  return inodes;
}

/** The inodes of the sockets of findings that are shown. */
function shownInodes(diagnoses: readonly Diagnosis[], shown: number): Set<number> {
  const sockets = diagnoses.flatMap(({ sockets = [] }) => sockets.slice(0, shown));
  return new Set(sockets.flatMap(({ inode }) => inode || []));
}

/** Everything that one rule is given at one place. */
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
    ...first.place.surroundings,
    first: sample(first.counters, collector),
    last: sample(last.counters, again),
    elapsedMs,
    thresholds: chosen.thresholds,
  };
}

function rank(severity: Severity): number {
  return severities.indexOf(severity);
}

/** Examines sockets. @returns what was found; undefined if it was not to be waited for */
export async function examine(examination: Examination): Promise<Report | undefined> {
  const { rules, places, apartMs } = examination;
  const began = examination.now();
  let sockets = 0;
  const first: PlaceSample[] = places.map((place, index) => {
    const here = rules.filter((chosen) => isCheckedAt(chosen, place, index));
    const sample = begin(place, here);
    sockets += feed(routesOf(sample.taken), listFor(examination, place, here));
    return sample;
  });
  let last = first;
  let elapsedMs = 0;
  if (apartMs > 0 && needsTwo(examination, first)) {
    if (!(await examination.wait(apartMs))) return undefined;
    last = first.map((sample) => takeAgain(examination, sample));
    elapsedMs = examination.now() - began;
  }
  const inodes = inodesOf(first === last ? first : [...first, ...last]);
  if (inodes.size > 0) examination.findOwners(inodes);
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
  const more = shownInodes(diagnoses, examination.shown);
  if ([...more].some((inode) => !inodes.has(inode))) examination.findOwners(new Set([...inodes, ...more]));
  const asked = rules.map(({ rule }) => rule).filter((rule) => checks.some((check) => check.rule === rule));
  const isUnchecked = ({ rate }: Rule) => single && rate === true;
  return {
    diagnoses,
    elapsedMs,
    sockets,
    checked: asked.filter((rule) => !isUnchecked(rule)),
    unchecked: asked.filter(isUnchecked),
  };
}
