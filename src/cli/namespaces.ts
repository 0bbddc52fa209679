/** Which network namespaces a run looks into: the one that it is in, or with `--all-netns` every one. */

import { FilterError } from "../filter/errors.ts";
import type { Host } from "../host/host.ts";
import { openNamespaces } from "../host/namespaces.ts";
import type { Place } from "../lookup/places.ts";
import type { Sources } from "../procfs/source.ts";
import { destroy, list, type Query, type SocketBatch } from "../query/list.ts";
import type { Filtered } from "./filter.ts";
import { EXIT_USAGE, type Stop } from "./getopt.ts";
import type { Draft } from "./options.ts";

/** A place with the filter that holds there: the interfaces that it names are those of the place. */
export interface FilteredPlace extends Place {
  readonly filtered: Filtered;
}

/** What cannot be had of more than one network namespace, by the option or variable that asks for it. */
function onlyOne(
  { actions, events, diagFile, summary, record, replay }: Draft,
  sources: Sources,
): string | undefined {
  const found: readonly (readonly [what: string, asked: boolean])[] = [
    ["--net", actions.some(({ kind }) => kind === "netns")],
    ["--events", events],
    ["--diag", diagFile !== undefined],
    ["--summary", summary],
    ["--record", record !== undefined],
    ["--replay", replay !== undefined],
    ["PROC_ROOT", sources.root !== "/proc"],
    ["TCPDIAG_FILE", sources.diagFile !== undefined],
  ];
  return found.find(([, asked]) => asked)?.[0];
}

/** Refuses options that do not go with `--all-netns`. @returns undefined if there are none */
export function refuseWithAllNetns(draft: Draft, sources: Sources, program: string): Stop | undefined {
  const what = draft.allNetns ? onlyOne(draft, sources) : undefined;
  if (what === undefined) return undefined;
  const message = `${program}: ${what} is about one network namespace: not with --all-netns`;
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The places of a run, until they are closed. */
export interface OpenPlaces extends Disposable {
  readonly list: readonly Place[];
  /** Whether a network namespace had to be left out. */
  readonly incomplete: boolean;
}

/** Opens the places of a run. @param complain takes one line for each that cannot be looked into */
export function openPlaces(draft: Draft, host: Host, complain: (line: string) => void): OpenPlaces {
  if (draft.allNetns) return openNamespaces(host, complain);
  return { list: [{ host }], incomplete: false, [Symbol.dispose]: () => undefined };
}

/**
 * Reads the filter for each place. A place where it names an interface that is not there is left out.
 *
 * @param apply reads the filter in a place
 * @throws FilterError if it is wrong in all places
 */
export async function filterPlaces(
  places: readonly Place[],
  apply: (place: Place) => Promise<Filtered>,
): Promise<readonly [FilteredPlace, ...FilteredPlace[]]> {
  const filtered: FilteredPlace[] = [];
  let problem: unknown;
  for (const place of places) {
    try {
      filtered.push({ ...place, filtered: await apply(place) });
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      problem ??= error;
    }
  }
  const [first, ...rest] = filtered;
  if (first === undefined) throw problem;
  return [first, ...rest];
}

/** Lists the sockets of places, one after the other; with `-K` closes them. */
export function* listPlaces(
  places: readonly FilteredPlace[],
  query: Omit<Query, "predicate" | "netns">,
  { kill }: Draft,
): Generator<SocketBatch> {
  for (const { host, netns, filtered } of places) {
    const { predicate } = filtered;
    const batches = list(host, { ...query, predicate, ...(netns === undefined ? {} : { netns }) });
    yield* kill ? destroy(host, batches, query.report) : batches;
  }
}
