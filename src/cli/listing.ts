/** The sockets that a command line is about, ready to be listed: once, or again and again. */

import { once } from "../enrich/once.ts";
import type { RpcNames } from "../enrich/rpc.ts";
import { FilterError } from "../filter/errors.ts";
import type { FilterSource } from "../filter/words.ts";
import type { Host } from "../host/host.ts";
import { type HostNames, hostNames } from "../lookup/names.ts";
import type { Selection } from "../model/selection.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { Predicate, Problem, Query, SocketBatch } from "../query/list.ts";
import type { FindOwners } from "../query/predicate.ts";
import { complaint } from "./complaint.ts";
import type { Filtered } from "./filter.ts";
import type { Stop } from "./getopt.ts";
import {
  type FilteredPlace,
  filterPlaces,
  listPlaces,
  openPlaces,
  refuseWithAllNetns,
} from "./namespaces.ts";
import type { Draft } from "./options.ts";
import { inodesOf, noteUnreadable } from "./owners.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/**
 * The exit status where sockets may be missing: network namespaces could not be entered, or an answer could not be
 * decoded; for JSON and CSV also where the kernel refused or broke off an answer. ss exits with 0 then, and a person
 * reads its messages, but a program only sees the status.
 */
const EXIT_INCOMPLETE = 1;

/** What is listed, beside where. */
export interface ListingOptions {
  /** Which sockets the options chose, see `select`. */
  readonly selection: Selection;
  /** The filter. */
  readonly words: FilterSource;
  /** The options with those that are needed to show what they ask for. */
  readonly needs: Draft;
  /** Whether owners of UNIX sockets are told. */
  readonly uid: boolean;
  /** Whether sockets are kept beyond the batch that they come in; if not, its memory is used again. */
  readonly keep: boolean;
}

/** Sockets that can be listed, and their names. Namespaces are open until it is disposed of. */
export interface Listing extends Disposable {
  /** The selection, as the filter has left it. */
  readonly selection: Selection;
  /** The filter, as it holds in the first place. */
  readonly predicate: Predicate | undefined;
  /** Where sockets are listed: one place, or with `--all-netns` each network namespace. */
  readonly places: readonly [FilteredPlace, ...FilteredPlace[]];
  readonly names: HostNames;
  /** Looks up the ports of RPC programs, which is done once; undefined if their names are not to be shown. */
  readonly rpcNames: (() => Promise<RpcNames>) | undefined;
  /** What is asked for, wherever. */
  readonly query: Query;
  /** Asks for the sockets, which is done as they are taken. With `-K` it closes them. */
  list(): Generator<SocketBatch>;
  /** The exit status of a run that has listed the sockets: {@link EXIT_INCOMPLETE} if some may be missing. */
  status(): number;
  /** Looks for those who have sockets open, by inode; they are in `names` then. */
  findOwners(inodes: ReadonlySet<number> | undefined): void;
}

/** What a filter makes of a selection; without words, nothing. @throws FilterError */
async function filtered(
  world: World,
  host: Host,
  { selection, words }: ListingOptions,
  portRange: string,
  findOwners: FindOwners,
  rpcNames: Listing["rpcNames"],
): Promise<Filtered> {
  if (words.args.length === 0 && words.file === undefined) return { selection, predicate: undefined };
  const { applyFilter } = await import("./filter.ts");
  return applyFilter(world, host, selection, words, portRange, findOwners, rpcNames);
}

/** Opens what a command line is about. @returns a Stop for a wrong filter, and options that cannot be together */
export async function openListing(
  world: World,
  host: Host,
  options: ListingOptions,
): Promise<Listing | Stop> {
  const { needs, uid, keep } = options;
  const say = (text: string) => world.stderr.write(encoder.encode(text));
  const sources = sourcesOf(world.env);
  const refused = refuseWithAllNetns(needs, sources, world.program);
  if (refused !== undefined) return refused;
  const portRange = sources.path("portRange");
  const names = hostNames(host, { root: sources.root, portRange }, (line) => say(`${line}\n`));
  const findOwners = (inodes: ReadonlySet<number> | undefined) => {
    const unreadable = names.findOwners(sources.root, inodes, needs);
    noteUnreadable(world, host, sources.root, unreadable);
  };
  let findEveryOwner = () => {};
  const holders: FindOwners = (batches) => {
    // The sockets of other namespaces are yet to come, and one pass is enough for all.
    if (needs.allNetns) findEveryOwner();
    else findOwners(inodesOf(batches));
    return { owners: names.owners, container: (socket) => names.cgroupOwner(socket).container };
  };
  const open = openPlaces(needs, host, (line) => say(`${line}\n`));
  names.usePlaces(open.list);
  // Ports are registered for one namespace, and rpcbind does not say which.
  const rpcNames =
    needs.resolve && !needs.numeric && !needs.allNetns
      ? once(async () => (await import("../enrich/rpc.ts")).lookUpRpcNames(host))
      : undefined;
  let places: Listing["places"];
  try {
    places = await filterPlaces(open.list, (place) =>
      filtered(world, place.host, options, portRange, holders, rpcNames),
    );
  } catch (error) {
    open[Symbol.dispose]();
    if (!(error instanceof FilterError)) throw error;
    const { filterComplaint } = await import("./filter.ts");
    const message = filterComplaint(world, error, options.words).replace(/\n$/, "");
    return { kind: "error", message, usage: false, status: error.status };
  }
  const { selection, predicate } = places[0].filtered;
  let incomplete = open.incomplete;
  let bpfMapFds: readonly number[] = [];
  if (needs.bpfMaps || needs.bpfMapIds.length > 0) {
    const { lookUpBpfMaps } = await import("../enrich/bpf-maps.ts");
    const maps = await lookUpBpfMaps(host, (line) => say(`${world.program}: ${line}\n`));
    bpfMapFds = maps.descriptors(needs.bpfMapIds);
    names.useBpfMaps(maps);
  }
  const query: Query = {
    selection,
    details: { ...needs, uid, bpfMapFds },
    predicate,
    keep,
    sources,
    report(problem: Problem) {
      const text = complaint(problem);
      const certain = problem.kind === "undecodable" || (problem.kind === "socket" && needs.allNetns);
      if (certain || (text !== "" && needs.format !== "table")) incomplete = true;
      say(text);
    },
  };
  return {
    selection,
    predicate,
    places,
    names,
    rpcNames,
    query,
    list() {
      findEveryOwner = once(() => findOwners(undefined));
      return listPlaces(places, query, needs);
    },
    status: () => (incomplete ? EXIT_INCOMPLETE : 0),
    findOwners,
    [Symbol.dispose]: () => open[Symbol.dispose](),
  };
}
