/** Fetches one socket of the table again, with all details that the kernel has. */
import type { Socket } from "../../../families/socket.ts";
import { demandSet } from "../../../model/demand.ts";
import type { Selection, Table } from "../../../model/selection.ts";
import { stateGroups } from "../../../model/state.ts";
import type { FilteredPlace } from "../../../query/filters.ts";
import { refetch } from "../../../query/refetch.ts";
import type { Sampler } from "./sampler.ts";

/** Every detail that a request can have. */
const everything = demandSet(["info", "memory", "tos", "extended", "uid"]);

/** A socket, and the place where it was found. */
export interface Found {
  readonly socket: Socket;
  readonly place: FilteredPlace;
}

/** Fetches a socket by its key. @returns undefined if it is gone */
export async function findSocket({ table, query }: Sampler, key: string): Promise<Found | undefined> {
  const slot = table.slotOf(key);
  if (slot === undefined) return undefined;
  const netns = table.netns(slot);
  const isHere = (place: { readonly netns?: typeof netns }) => place.netns === netns;
  if (table.isConnection(slot)) {
    const place = query.places.find(isHere) ?? query.places[0];
    const wanted = { ...query.request, demands: everything, keep: true, netns };
    // The kernel of the past answers with its whole table. Only a listing finds a socket that is bound to an interface.
    for (const socket of refetch(place.host.transport, wanted, [table.identity(slot)]))
      if (table.isThat(socket, key)) return { socket, place };
  }
  const isInet = table.isInet(slot);
  const family = table.family[slot]!;
  const selection: Selection = {
    ...query.selection,
    states: stateGroups.all,
    ...(isInet
      ? { tables: new Set([table.dump(slot) as Table]), families: new Set([family]), preferred: family }
      : {}),
  };
  const ports = `sport = :${table.localPort[slot]} and dport = :${table.peerPort[slot]}`;
  const places = isInet ? await query.filter({ args: [ports] }, selection) : query.places;
  const place = places.find(isHere) ?? places[0]!;
  const unfiltered = isInet ? place : { ...place, predicate: undefined };
  for (const { sockets } of query.listPlace(unfiltered, { selection, demands: everything, keep: true }))
    for (const socket of sockets) if (table.isThat(socket, key)) return { socket, place };
  return undefined;
}
