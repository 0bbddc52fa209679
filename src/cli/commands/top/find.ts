/** One socket of those that are looked on at, asked for again with all that the kernel tells of it. */

import type { Socket } from "../../../families/socket.ts";
import type { SocketTable } from "../../../live/table.ts";
import type { Table } from "../../../model/selection.ts";
import { stateGroups } from "../../../model/state.ts";
import { list } from "../../../query/list.ts";
import type { Predicate } from "../../../query/query.ts";
import type { FilteredPlace } from "../../namespaces.ts";
import type { World } from "../../world.ts";
import type { Sampler } from "./sampler.ts";

/** A socket, and the place that it was found in. */
export interface Found {
  readonly socket: Socket;
  readonly place: FilteredPlace;
}

/** The filter that the kernel can look for an IP socket by. */
async function prefilter(
  world: World,
  { host }: FilteredPlace,
  { query, selection }: Sampler["listing"],
  table: SocketTable,
  slot: number,
): Promise<Predicate | undefined> {
  if (!table.isInet(slot)) return undefined;
  const { applyFilter } = await import("../../filter.ts");
  const text = `sport = :${table.localPort[slot]} and dport = :${table.peerPort[slot]}`;
  const portRange = query.sources?.path("portRange") ?? "";
  const nobody = () => ({ owners: () => undefined });
  return (await applyFilter(world, host, selection, { args: [text] }, portRange, nobody)).predicate;
}

/** Looks for a socket by its key. @returns undefined if it is gone */
export async function findSocket(world: World, sampler: Sampler, key: string): Promise<Found | undefined> {
  const { table, listing } = sampler;
  const slot = table.slotOf(key);
  if (slot === undefined) return undefined;
  const place = listing.places.find(({ netns }) => netns === table.netns(slot)) ?? listing.places[0];
  const dump = table.dump(slot);
  const tables = table.isInet(slot) ? new Set([dump as Table]) : listing.selection.tables;
  const selection = {
    ...listing.selection,
    tables,
    states: stateGroups.all,
    ...(table.isInet(slot)
      ? { families: new Set([table.family[slot]!]), preferred: table.family[slot]! }
      : {}),
  };
  const details = {
    ...listing.query.details,
    info: true,
    memory: true,
    tos: true,
    extended: true,
    uid: true,
  };
  const predicate = await prefilter(world, place, listing, table, slot);
  const { netns } = place;
  const query = { ...listing.query, selection, details, predicate, keep: true, ...(netns && { netns }) };
  for (const { sockets } of list(place.host, query))
    for (const socket of sockets) if (table.isThat(socket, key)) return { socket, place };
  return undefined;
}
