/** Which sockets of a snapshot a request selects. */
import type { Socket } from "../families/socket.ts";
import type { Breathe } from "../live/owners.ts";
import { demandSet } from "../model/demand.ts";
import { AF_TIPC } from "../model/family.ts";
import type { Table } from "../model/selection.ts";
import { SS_BOUND_INACTIVE, SS_CLOSE, SS_NEW_SYN_RECV, SS_SYN_RECV, stateName } from "../model/state.ts";
import type { FilteredPlace } from "../query/filters.ts";
import type { OpenQuery } from "../query/open.ts";
import { selectionOf } from "./sampler.ts";
import { type Snapshot, tableNamed, tableOf, type Wants } from "./snapshot.ts";

/** What a request selects. */
export interface Selecting {
  readonly tables: ReadonlySet<Table>;
  /** A mask of states. */
  readonly states: number;
  readonly filter: string | undefined;
}

/** The sockets that a request selects. */
export interface Matched {
  /** How many sockets the tables and states have. */
  readonly total: number;
  /** The slots of the sockets that match the filter. */
  readonly slots: readonly number[];
  readonly facets: {
    readonly state: Readonly<Record<string, number>>;
    readonly netid: Readonly<Record<string, number>>;
  };
}

/** Values of an earlier computation on the same object, so that windows of one table do not repeat it. */
export class Remembered<Key extends object, Value> {
  readonly #most: number;
  readonly #values = new WeakMap<Key, Map<string, Value>>();

  /** @param most values that are kept for an object; the oldest is forgotten first */
  constructor(most: number) {
    this.#most = most;
  }

  /** The value of a name, computed if it is not known. */
  get(key: Key, name: string, compute: () => Value): Value {
    let values = this.#values.get(key);
    if (values === undefined) {
      values = new Map();
      this.#values.set(key, values);
    }
    let value = values.get(name);
    if (value === undefined) {
      value = compute();
      // What failed is computed again: the reason may have gone with the request.
      if (value instanceof Promise) value.catch(() => values.delete(name));
      if (values.size >= this.#most) values.delete(values.keys().next().value!);
      values.set(name, value);
    }
    return value;
  }
}

/** By the places of a query, which change with the network namespaces of the host. */
const parsedFilters = new Remembered<OpenQuery["places"], Promise<readonly FilteredPlace[]>>(64);
const matched = new Remembered<Snapshot, Promise<Matched>>(16);

function nameOf({ tables, filter = "" }: Selecting): string {
  return `${[...tables].sort().join(",")} ${filter}`;
}

/** Whether a request has a filter. */
function hasFilter({ filter = "" }: Selecting): boolean {
  return filter.trim() !== "";
}

/** The filter, compiled for every place of a query. @throws FilterError */
export function placesOf(query: OpenQuery, selecting: Selecting): Promise<readonly FilteredPlace[]> {
  const { tables, filter } = selecting;
  return parsedFilters.get(query.places, nameOf(selecting), async () => {
    const selection = selectionOf(tables);
    if (!hasFilter(selecting))
      return query.places.map((place) => ({ ...place, selection, predicate: undefined }));
    return query.filter({ args: [filter!] }, selection);
  });
}

/** What a filter needs of a snapshot. @throws FilterError */
export async function wantsOfFilter(query: OpenQuery, selecting: Selecting): Promise<Wants> {
  const places = await placesOf(query, selecting);
  return {
    tables: selecting.tables,
    demands: demandSet(...places.map(({ predicate }) => predicate?.demands)),
    owners: places.some(({ predicate }) => predicate?.withOwners !== undefined),
  };
}

/** Whether a socket passes a filter in its place. */
type Test = (socket: Socket, family: number) => boolean;

function testsOf(places: readonly FilteredPlace[]): ReadonlyMap<number | undefined, Test> {
  return new Map(
    places.map(({ netns, predicate, selection }): [number | undefined, Test] => {
      const { families } = selection;
      const settled = predicate?.withOwners?.([]);
      return [
        netns?.inode,
        (socket, family) =>
          families.has(family) && (predicate?.accepts(socket) ?? true) && (settled?.(socket) ?? true),
      ];
    }),
  );
}

/** More than the kernel has states. */
const STATES = 32;

/**
 * The states that a socket counts for, as bits: the kernel shows a connection request as SYN-RECV and a socket that is
 * only bound as closed, but both are requested by states of their own.
 */
const stateBits: readonly number[] = Array.from({ length: STATES }, (_, number) => {
  if (number === SS_SYN_RECV) return (1 << SS_SYN_RECV) | (1 << SS_NEW_SYN_RECV);
  if (number === SS_CLOSE) return (1 << SS_CLOSE) | (1 << SS_BOUND_INACTIVE);
  return 1 << number;
});

/** The tables whose sockets can be bound without being connected or listening. */
const withRequests: ReadonlySet<string> = new Set(["tcp", "dccp"]);

/** Counts by name, without those of nothing. */
function named(counts: Iterable<readonly [name: string, count: number]>): Record<string, number> {
  return Object.fromEntries([...counts].filter(([, count]) => count > 0));
}

async function match(snapshot: Snapshot, selecting: Selecting, breathe: Breathe): Promise<Matched> {
  const { table, sockets, query } = snapshot;
  const { tables, states } = selecting;
  const places = await placesOf(query, selecting);
  // Without a filter no socket is decoded.
  const tests = hasFilter(selecting) ? testsOf(places) : undefined;
  const everything =
    tables.size >= snapshot.wants.tables.size && [...snapshot.wants.tables].every((each) => tables.has(each));
  const slots: number[] = [];
  const byState = new Array<number>(STATES).fill(0);
  const byTable = new Map<string, number>();
  let total = 0;
  for (let slot = 0; slot < sockets.length; slot++) {
    if ((slot & 0xff) === 0) await breathe();
    if (!sockets.has(slot) || !table.isLive(slot)) continue;
    const number = table.state[slot]!;
    const dump = table.dump(slot);
    const bits = withRequests.has(dump) ? stateBits[number]! : 1 << number;
    if ((states & bits) === 0) continue;
    if (!everything) {
      const own = tableNamed(dump) ?? tableOf(dump, sockets.at(slot)!);
      if (own === undefined || !tables.has(own)) continue;
    }
    total++;
    if (tests !== undefined) {
      const socket = sockets.at(slot)!;
      const family = socket.kind === "tipc" ? AF_TIPC : table.family[slot]!;
      if (!tests.get(socket.origin.netns?.inode)?.(socket, family)) continue;
    }
    slots.push(slot);
    byState[number]!++;
    byTable.set(dump, (byTable.get(dump) ?? 0) + 1);
  }
  const state = named(byState.map((count, number) => [stateName(number), count]));
  return { total, slots, facets: { state, netid: named(byTable) } };
}

/** The sockets of a snapshot that a request selects. @throws FilterError */
export function matching(snapshot: Snapshot, selecting: Selecting, breathe: Breathe): Promise<Matched> {
  const name = `${selecting.states} ${nameOf(selecting)}`;
  return matched.get(snapshot, name, () => match(snapshot, selecting, breathe));
}
