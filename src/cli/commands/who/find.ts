/** Finds the sockets of a target: of a port, an address or a process. */
import { visitSockets } from "../../../enrich/processes.ts";
import { addressKey } from "../../../enrich/resolve.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Files } from "../../../host/host.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import type { Selection } from "../../../model/selection.ts";
import { SS_CLOSE, SS_LISTEN } from "../../../model/state.ts";
import type { OpenQuery } from "../../../query/open.ts";
import { type Target, targetFilter } from "./target.ts";

/** A socket with the dump that listed it. */
export interface Listed<S extends Socket = Socket> {
  readonly dump: string;
  readonly socket: S;
}

/** The sockets of a target. */
export interface Found {
  /** The sockets whose own end is the target. */
  readonly own: readonly Listed[];
  /** Sockets of this host whose other end is the target, but not a socket of `own`. */
  readonly clients: readonly Listed[];
  /** Sockets among which the other ends of `own` are, if they are on this host. */
  readonly candidates: readonly Listed[];
}

/** Every socket that may take connections or datagrams. */
export const listening: Selection = {
  tables: new Set(["tcp", "udp", "mptcp", "sctp", "dccp", "unix_stream", "unix_seqpacket"]),
  families: new Set([AF_INET, AF_INET6, AF_UNIX]),
  states: (1 << SS_LISTEN) | (1 << SS_CLOSE),
  preferred: undefined,
};

/** Whether a socket takes connections or datagrams. */
export function isListener({ socket }: Listed): boolean {
  if (socket.kind === "unix") return socket.stateNumber === SS_LISTEN;
  if (socket.kind !== "inet") return false;
  const { stateNumber, dport, sport } = socket;
  return stateNumber === SS_LISTEN || (stateNumber === SS_CLOSE && dport === 0 && sport !== 0);
}

/** Whether it is a socket with a peer's port. */
export function isConnection(listed: Listed): listed is Listed<InetSocket> {
  return listed.socket.kind === "inet" && listed.socket.dport !== 0;
}

/** A key of a connection as one of its ends has it. @param swapped as the other end has it */
export function connectionKey({ dump, socket }: Listed<InetSocket>, swapped: boolean): string {
  const { data, addressLength: length, sport, dport, sourceOffset, destinationOffset, origin } = socket;
  const own = `${sport} ${addressKey(data, sourceOffset, length)}`;
  const other = `${dport} ${addressKey(data, destinationOffset, length)}`;
  const ends = swapped ? [other, own] : [own, other];
  return [dump, origin.netns?.inode ?? "", ...ends].join(" ");
}

/** A key of a port of this host. */
export function portKey({ dump, socket }: Listed<InetSocket>): string {
  return `${dump} ${socket.origin.netns?.inode ?? ""} ${socket.sport}`;
}

/** The sockets of open places. */
export function collect(query: OpenQuery, places: OpenQuery["places"], selection: Selection): Listed[] {
  return places.flatMap((place) =>
    [...query.listPlace(place, { selection })].flatMap(({ dump, sockets }) =>
      sockets.map((socket): Listed => ({ dump, socket })),
    ),
  );
}

/** Finds the sockets of a port or an address. @throws FilterError for a host name without addresses */
export async function findEnds(
  query: OpenQuery,
  target: Exclude<Target, { kind: "process" }>,
): Promise<Found> {
  const listed = async (end: "own" | "other") => {
    const places = await query.filter({ args: targetFilter(target, end), file: undefined }, query.selection);
    return collect(query, places, places[0].selection);
  };
  const own = await listed("own");
  const keys = new Set(own.flatMap((each) => (isConnection(each) ? connectionKey(each, false) : [])));
  const other = (await listed("other")).filter(
    (each): each is Listed<InetSocket> => isConnection(each) && !keys.has(connectionKey(each, false)),
  );
  return {
    own,
    clients: other.filter((each) => !keys.has(connectionKey(each, true))),
    candidates: [...own, ...other],
  };
}

/** Finds the sockets of a process. @param unreadable called if its descriptors cannot be read */
export function findSockets(query: OpenQuery, files: Files, pid: number, unreadable: () => void): Found {
  const inodes = new Set<number>();
  if (!visitSockets(files, `${query.plan.sources.root}/${pid}/fd`, (_, inode) => inodes.add(inode)))
    unreadable();
  const all = inodes.size === 0 ? [] : collect(query, query.places, query.selection);
  return {
    own: all.filter(({ socket }) => inodes.has(socket.inode ?? 0)),
    clients: [],
    candidates: all,
  };
}
