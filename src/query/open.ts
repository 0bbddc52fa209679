/**
 * Opens a plan on a host: its network namespaces, the filter for each, and the names and owners of sockets. Every
 * listing of the command line, the commands and the library starts here.
 */

import type { Origin } from "../diag/message.ts";
import { once } from "../enrich/once.ts";
import type { AddressAt } from "../enrich/resolve.ts";
import type { RpcNames } from "../enrich/rpc.ts";
import { loadFamilies } from "../families/index.ts";
import { FilterError } from "../filter/errors.ts";
import type { ParsedFilter } from "../filter/parser.ts";
import type { FilterSource } from "../filter/source.ts";
import type { Host } from "../host/host.ts";
import { hostWithin, type Netns, netnsLabel, openNamespace, openNamespaces } from "../host/namespaces.ts";
import { type HostNames, hostNames } from "../lookup/names.ts";
import type { Place } from "../lookup/places.ts";
import { kindsOf, type Selection } from "../model/selection.ts";
import type { DeferredTransport } from "../netlink/transport.ts";
import { keepsSockets, type Plan, wantsOwners, wantsProcesses } from "../plan/plan.ts";
import { dumpsAhead } from "./ahead.ts";
import type { AllParts } from "./all-parts.ts";
import type { FilteredPlace, FilterReading } from "./filters.ts";
import { list, listAsync } from "./list.ts";
import type { FindOwners } from "./predicate.ts";
import type { DumpAhead, Predicate, Problem, Query, QueryParts, RowSink, SocketBatch } from "./query.ts";

/** The surroundings of a query. */
export interface QueryContext {
  readonly host: Host;
  /** Receives problems with a part of the plan. The rest is still listed. */
  readonly report: (problem: Problem) => void;
  /** The code of the listing. Default: the plan's families; other code is loaded on demand. */
  readonly parts?: QueryParts;
  /** Whether sockets stay valid beyond their batch. Default: only if the plan needs it. */
  readonly keep?: boolean;
  /** Returns the plain object of a socket, for `toJSON()`. */
  readonly describe?: Origin["describe"];
  /** The network namespace to list instead of our own. */
  readonly netns?: Netns | undefined;
  /** Finds the owners that a filter tests. Default: one pass over /proc. */
  readonly findOwners?: FindOwners;
}

/** The parts of a query that may differ for one listing. */
export type ListChanges = Pick<Query, "demands" | "keep" | "selection" | "report" | "rows">;

/** An open plan. Its namespaces stay open until it is disposed. */
export interface OpenQuery extends Disposable {
  readonly plan: Plan;
  /** The selection, narrowed to the family that the filter names. */
  readonly selection: Selection;
  /** The compiled filter of the first place. */
  readonly predicate: Predicate | undefined;
  /** The listed network namespaces, each with its filter. {@link refreshPlaces} changes them. */
  readonly places: readonly [FilteredPlace, ...FilteredPlace[]];
  /** The names and owners of sockets. */
  readonly names: HostNames;
  /** The query for each place, without its selection and filter. */
  readonly request: Omit<Query, "selection" | "predicate" | "netns">;
  /**
   * Lists the sockets of all places. May be called repeatedly. Closes the sockets if the plan says so.
   *
   * @throws TypeError if code is missing: see {@link QueryContext.parts}
   */
  sockets(): Generator<SocketBatch>;
  /**
   * Like {@link sockets}, but loads missing code, and works with a non-blocking transport.
   *
   * @param arrival see {@link DeferredTransport}
   * @param rows see {@link Query.rows}; ignored if the plan closes sockets
   */
  socketsAsync(arrival?: DeferredTransport["arrival"], rows?: RowSink): AsyncGenerator<SocketBatch>;
  /**
   * Lists the sockets once what the plan looks up for them is known, and keeps them before only if that needs all of
   * them. As in ss, owners are those that processes have open before the listing.
   *
   * @param rows see {@link OpenQuery.socketsAsync}
   */
  resolved(rows?: RowSink): AsyncGenerator<SocketBatch>;
  /**
   * The sockets that the kernel destroys from now on.
   *
   * @throws NetlinkError if the multicast groups cannot be joined
   * @throws TypeError if code is missing: see {@link QueryContext.parts}
   */
  destroyed(): Generator<SocketBatch>;
  /** Lists the sockets of one place, with changes to the query. */
  listPlace(place: FilteredPlace, changes?: Partial<ListChanges>): Generator<SocketBatch>;
  /**
   * Collects all sockets, and looks up the owners, peers and host names that the plan demands. The sockets must stay
   * valid: see {@link QueryContext.keep}.
   */
  complete(batches: AsyncIterable<SocketBatch>): Promise<readonly SocketBatch[]>;
  /** Finds the owners of sockets and adds them to `names`. @param inodes inodes of the sockets; undefined for all */
  findOwners(inodes: ReadonlySet<number> | undefined): void;
  /**
   * Adds the network namespaces that were made since, and closes those that nothing but this query keeps alive. Only
   * with the plan's `allNetns`, on a live host; otherwise nothing changes.
   */
  refreshPlaces(): Promise<PlaceChanges>;
  /** Parses another filter for the same places. @throws FilterError */
  filter(source: FilterSource, selection: Selection): Promise<readonly [FilteredPlace, ...FilteredPlace[]]>;
}

/** The network namespaces that came and went. */
export interface PlaceChanges {
  readonly added: readonly FilteredPlace[];
  readonly removed: readonly FilteredPlace[];
}

/** The open places of a plan. */
interface OpenPlaces extends Disposable {
  readonly list: readonly Place[];
  /** Left out where the places do not change. */
  readonly refresh?: () => { readonly added: readonly Place[]; readonly removed: readonly Place[] };
}

const unchanged: PlaceChanges = { added: [], removed: [] };

function openPlaces({ host, netns, report }: QueryContext, allNetns: boolean): OpenPlaces {
  if (allNetns && host.namespaces !== undefined)
    return { list: host.namespaces(), [Symbol.dispose]: () => undefined };
  if (allNetns) return openNamespaces(host, (problem) => report({ kind: "namespace", problem }));
  if (netns === undefined) return { list: [{ host }], [Symbol.dispose]: () => undefined };
  const open = openNamespace(host.files, netns.inode);
  if (open === undefined) throw new RangeError(`Cannot find network namespace "${netnsLabel(netns)}"`);
  return { list: [{ host: hostWithin(host, open.within), netns }], [Symbol.dispose]: () => open.close() };
}

/** The inodes of the sockets that have one. */
export function inodesOf(batches: Iterable<SocketBatch>): Set<number> {
  const inodes = new Set<number>();
  for (const { sockets } of batches) for (const { inode } of sockets) if (inode) inodes.add(inode);
  return inodes;
}

/** The IP addresses of sockets. */
function* addressesOf(batches: Iterable<SocketBatch>): Generator<AddressAt> {
  for (const { sockets } of batches) {
    for (const socket of sockets) {
      if (socket.kind !== "inet") continue;
      const { data, addressLength: length } = socket;
      yield { data, at: socket.sourceOffset, length };
      yield { data, at: socket.destinationOffset, length };
    }
  }
}

/** A query whose filter is not parsed yet. */
interface Unfiltered {
  readonly open: OpenPlaces;
  readonly names: HostNames;
  readonly reading: FilterReading;
  finish(places: OpenQuery["places"]): OpenQuery;
}

function begin(context: QueryContext, plan: Plan, parts: QueryParts): Unfiltered {
  const { host, report } = context;
  const { sources, demands, selection, bpfMapIds } = plan;
  const open = openPlaces(context, plan.allNetns);
  const names = hostNames(host, { root: sources.root, portRange: sources.path("portRange") }, report);
  names.usePlaces(open.list);
  // rpcbind registers the ports of one network namespace, and does not say which.
  const rpcNames =
    demands.has("hostNames") && plan.serviceNames && !plan.allNetns
      ? once(async (): Promise<RpcNames> => (await import("../enrich/rpc.ts")).lookUpRpcNames(host))
      : undefined;
  const scan = {
    threads: demands.has("threads"),
    processContext: demands.has("processContext"),
    socketContext: demands.has("socketContext"),
  };
  const findOwners = (inodes: ReadonlySet<number> | undefined) => {
    const pids = names.findOwners(inodes, scan);
    if (pids.length > 0) report({ kind: "unreadable", pids });
  };
  let findAllOwners = () => {};
  const ownersFirst = context.keep === undefined && wantsOwners(plan) && !keepsSockets(plan);
  const reading: FilterReading = {
    selection,
    families: parts.families,
    portRange: sources.path("portRange"),
    rpcNames,
    findOwners:
      context.findOwners ??
      ((batches) => {
        // One pass over /proc serves all namespaces. The sockets of the other namespaces are not listed yet.
        if (plan.allNetns || (ownersFirst && batches.some(({ sockets }) => sockets.length > 0)))
          findAllOwners();
        else findOwners(inodesOf(batches));
        return { owners: names.owners, container: (socket) => names.cgroupOwner(socket).container };
      }),
  };

  /** The inodes of the other ends. The kernel sends those of UNIX sockets; TCP's need another listing. */
  function peerInodes(batches: readonly SocketBatch[]): Set<number> {
    const inodes = new Set<number>();
    if (!demands.has("peerOwners")) return inodes;
    if (demands.has("peers")) names.findPeers(batches.flatMap(({ sockets }) => sockets));
    for (const { sockets } of batches)
      for (const socket of sockets) {
        const inode = names.peerInode(socket);
        if (inode !== 0) inodes.add(inode);
      }
    return inodes;
  }

  /** Filters places that were found later. One without an interface that the filter names is left out. */
  async function filterNew(found: readonly Place[]): Promise<readonly FilteredPlace[]> {
    if (found.length === 0) return [];
    if (plan.filter === undefined)
      return found.map((place) => ({ ...place, selection, predicate: undefined }));
    const { filterPlaces } = await import("./filters.ts");
    try {
      return await filterPlaces(found, plan.filter, reading);
    } catch (error) {
      if (error instanceof FilterError) return [];
      throw error;
    }
  }

  /** Rows whose owners are found before the first one is written. */
  function ownedRows(rows: RowSink): RowSink {
    let known = false;
    const find = () => {
      if (!known) findAllOwners();
      known = true;
    };
    return {
      ...rows,
      begin(dump, netns) {
        const writer = rows.begin(dump, netns);
        if (writer === undefined) return undefined;
        return {
          put(offset, length) {
            if (!known) find();
            return writer.put(offset, length);
          },
          write(socket) {
            find();
            writer.write(socket);
          },
        };
      },
    };
  }

  function finish(opened: OpenQuery["places"]): OpenQuery {
    let places = opened;
    const [{ selection, predicate }] = places;
    const keep = context.keep ?? keepsSockets(plan);
    const request = {
      demands,
      bpfMapFds: demands.has("bpfStorages") ? (names.bpfMaps?.descriptors(bpfMapIds) ?? []) : undefined,
      keep,
      sources,
      report,
      parts,
      ...(context.describe === undefined ? {} : { describe: context.describe }),
    };
    const closing = () => {
      if (parts.closing === undefined) throw new TypeError("the code that closes sockets is not loaded");
      return parts.closing;
    };
    const listingOf = (place: FilteredPlace): Query => ({
      ...request,
      selection: place.selection,
      predicate: place.predicate,
      ...(place.netns === undefined ? {} : { netns: place.netns }),
    });
    const beginOwners = () => {
      findAllOwners = once(() => findOwners(undefined));
    };
    /** The places, each with its TCP dump if several are under way. */
    function* inTurn(): Generator<readonly [FilteredPlace, DumpAhead | undefined]> {
      const listed = places;
      const ahead = dumpsAhead(listed);
      try {
        for (let index = 0; index < listed.length; index++) yield [listed[index]!, ahead?.at(index)];
      } finally {
        ahead?.[Symbol.dispose]();
      }
    }

    const query: OpenQuery = {
      plan,
      selection,
      predicate,
      get places() {
        return places;
      },
      names,
      request,
      *sockets() {
        beginOwners();
        for (const [place, ahead] of inTurn()) {
          const batches = list(place.host, { ...listingOf(place), ahead });
          yield* plan.kill ? closing().destroy(place.host, batches, report) : batches;
        }
      },
      async *socketsAsync(arrival, rows) {
        beginOwners();
        for (const [place, ahead] of inTurn()) {
          const request = { ...listingOf(place), ahead, rows: plan.kill ? undefined : rows };
          const batches = listAsync(place.host, arrival, request);
          if (plan.kill) yield* closing().destroyAsync(place.host, batches, report);
          else yield* batches;
        }
      },
      async *resolved(rows) {
        if (keepsSockets(plan)) yield* await query.complete(query.socketsAsync());
        else if (!ownersFirst) yield* query.socketsAsync(undefined, rows);
        else
          for await (const batch of query.socketsAsync(undefined, rows && ownedRows(rows))) {
            if (batch.sockets.length > 0) findAllOwners();
            yield batch;
          }
      },
      listPlace: (place, changes) => list(place.host, { ...listingOf(place), ...changes }),
      destroyed: () => closing().destroyed(places[0].host, listingOf(places[0])),
      async complete(batches) {
        const kept: SocketBatch[] = [];
        const owners = wantsOwners(plan);
        for await (const batch of batches) kept.push(batch);
        const peers = peerInodes(kept);
        // A filter by owners has already found the owners, but not those of the peers.
        if (owners && (predicate?.withOwners === undefined || peers.size > 0))
          findOwners(new Set([...inodesOf(kept), ...peers]));
        if (demands.has("hostNames")) {
          const { resolveHosts } = await import("../enrich/resolve.ts");
          const rpc = rpcNames?.();
          names.useHosts(await resolveHosts(host.resolver, addressesOf(kept)));
          if (rpc !== undefined) names.useRpc(await rpc);
        }
        return kept;
      },
      findOwners,
      async refreshPlaces() {
        const { added, removed } = open.refresh?.() ?? unchanged;
        if (added.length === 0 && removed.length === 0) return unchanged;
        names.usePlaces(open.list);
        const gone = new Set(removed.map(({ netns }) => netns));
        const [first, ...others] = places;
        const closed = others.filter(({ netns }) => gone.has(netns));
        const found = await filterNew(added);
        places = [first, ...others.filter(({ netns }) => !gone.has(netns)), ...found];
        return { added: found, removed: closed };
      },
      async filter(source, wanted) {
        const { filterPlaces } = await import("./filters.ts");
        return filterPlaces(open.list, source, { ...reading, selection: wanted });
      },
      [Symbol.dispose]: () => open[Symbol.dispose](),
    };
    return query;
  }

  return { open, names, reading, finish };
}

/** Places without a filter. */
function unfiltered({ open, reading }: Unfiltered): OpenQuery["places"] {
  const places: FilteredPlace[] = [];
  for (const place of open.list)
    places.push({ ...place, selection: reading.selection, predicate: undefined });
  return places as [FilteredPlace, ...FilteredPlace[]];
}

/** Whether the plan needs the sockets at the other ends. */
function wantsPeers({ demands }: Plan): boolean {
  return demands.has("peers") || demands.has("peerNames");
}

/** Whether the filter of a place tests owners. */
function testsOwners(places: OpenQuery["places"]): boolean {
  for (const { predicate } of places) if (predicate?.withOwners !== undefined) return true;
  return false;
}

/**
 * Opens a plan, and looks up the host names of its filter.
 *
 * @throws FilterError if the filter is wrong
 * @throws RangeError if the network namespace is gone
 */
export async function openQuery(context: QueryContext, plan: Plan): Promise<OpenQuery> {
  const parts = context.parts ?? { families: await loadFamilies(kindsOf(plan.selection)) };
  if (plan.kill) parts.closing ??= await import("./destroyed.ts");
  const begun = begin(context, plan, parts);
  const { open, names, reading, finish } = begun;
  try {
    const places =
      plan.filter === undefined
        ? unfiltered(begun)
        : await (await import("./filters.ts")).filterPlaces(open.list, plan.filter, reading);
    if (wantsProcesses(plan) || testsOwners(places))
      names.useOwners(
        parts.ownerLookup ?? (await import("../lookup/owners.ts")).ownerLookup,
        parts.peers ?? (wantsPeers(plan) ? await import("../lookup/peers.ts") : undefined),
      );
    if (plan.demands.has("bpfStorages")) {
      const { lookUpBpfMaps } = await import("../enrich/bpf-maps.ts");
      const report = (mapId: number) => context.report({ kind: "bpfMap", mapId });
      names.useBpfMaps(await lookUpBpfMaps(context.host, report));
    }
    return finish(places);
  } catch (error) {
    open[Symbol.dispose]();
    throw error;
  }
}

/**
 * Opens a plan synchronously. Its filter must have no host names, and BPF values are not decoded.
 *
 * @param onName called for the first host name in the filter; must throw
 * @throws FilterError if the filter is wrong
 * @throws RangeError if the network namespace is gone
 */
export function openQueryNow(
  context: QueryContext & { readonly parts: AllParts },
  plan: Plan,
  onName: (name: ParsedFilter["names"][number]) => never,
): OpenQuery {
  const begun = begin(context, plan, context.parts);
  const { open, names, reading, finish } = begun;
  names.useOwners(context.parts.ownerLookup, context.parts.peers);
  try {
    const places =
      plan.filter === undefined
        ? unfiltered(begun)
        : context.parts.filters.filterPlacesNow(open.list, plan.filter, reading, onName);
    return finish(places);
  } catch (error) {
    open[Symbol.dispose]();
    throw error;
  }
}
