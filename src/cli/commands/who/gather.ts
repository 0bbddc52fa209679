/** Finds the sockets that `who` is asked about, and the processes that have them. */

import { containerLabel } from "../../../enrich/containers.ts";
import { once } from "../../../enrich/once.ts";
import { countProcesses, visitSockets } from "../../../enrich/processes.ts";
import { addressKey } from "../../../enrich/resolve.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Files } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../model/family.ts";
import type { Selection } from "../../../model/selection.ts";
import { SS_CLOSE, SS_LISTEN } from "../../../model/state.ts";
import { columnsWith } from "../../../output/columns.ts";
import { nameSource } from "../../../output/name-source.ts";
import { inodesOf, type OpenQuery } from "../../../query/open.ts";
import type { Answer, Listener, UnownedSocket, WhoGroup, WhoProcess } from "./answer.ts";
import { type Connection, foldPeers } from "./peers.ts";
import { type ProcessName, type ProcessReader, processReader } from "./process.ts";
import { type Target, targetFilter } from "./target.ts";
import { type Reason, reasonOf, reasons } from "./unowned.ts";

/** A socket with the dump that listed it. */
interface Listed<S extends Socket = Socket> {
  readonly dump: string;
  readonly socket: S;
}

/** The sockets of a run. */
interface Found {
  /** The sockets whose own end was asked about. */
  readonly own: readonly Listed[];
  /** Sockets of this host that are connected to what was asked about, elsewhere. */
  readonly clients: readonly Listed[];
  /** Sockets among which the other ends of `own` are, if they are on this host. */
  readonly candidates: readonly Listed[];
}

/** Every socket that may take connections or datagrams. */
const listening: Selection = {
  tables: new Set(["tcp", "udp", "mptcp", "sctp", "dccp", "unix_stream", "unix_seqpacket"]),
  families: new Set([AF_INET, AF_INET6, AF_UNIX]),
  states: (1 << SS_LISTEN) | (1 << SS_CLOSE),
  preferred: undefined,
};

function isListener({ socket }: Listed): boolean {
  if (socket.kind === "unix") return socket.stateNumber === SS_LISTEN;
  if (socket.kind !== "inet") return false;
  const { stateNumber, dport, sport } = socket;
  return stateNumber === SS_LISTEN || (stateNumber === SS_CLOSE && dport === 0 && sport !== 0);
}

function isConnection(listed: Listed): listed is Listed<InetSocket> {
  return listed.socket.kind === "inet" && listed.socket.dport !== 0;
}

/** A key of a connection as one of its ends has it. @param swapped as the other end has it */
function connectionKey({ dump, socket }: Listed<InetSocket>, swapped: boolean): string {
  const { data, addressLength: length, sport, dport, sourceOffset, destinationOffset, origin } = socket;
  const own = `${sport} ${addressKey(data, sourceOffset, length)}`;
  const other = `${dport} ${addressKey(data, destinationOffset, length)}`;
  const ends = swapped ? [other, own] : [own, other];
  return [dump, origin.netns?.inode ?? "", ...ends].join(" ");
}

/** A key of a port of this host. */
function portKey({ dump, socket }: Listed<InetSocket>): string {
  return `${dump} ${socket.origin.netns?.inode ?? ""} ${socket.sport}`;
}

/** The sockets of open places. */
function collect(query: OpenQuery, places: OpenQuery["places"], selection: Selection): Listed[] {
  return places.flatMap((place) =>
    [...query.listPlace(place, { selection })].flatMap(({ dump, sockets }) =>
      sockets.map((socket): Listed => ({ dump, socket })),
    ),
  );
}

/** Finds the sockets of a port or an address. @throws FilterError for a host name without addresses */
async function findEnds(query: OpenQuery, target: Exclude<Target, { kind: "process" }>): Promise<Found> {
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
function findSockets(query: OpenQuery, files: Files, pid: number, unreadable: () => void): Found {
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

/** The holders of one process, folded with those of the same name and process group. */
function grouped(processes: readonly WhoProcess[], reader: ProcessReader): WhoGroup[] {
  const keyOf = ({ pid, name }: WhoProcess) => `${reader.brief(pid)?.group ?? pid} ${name}`;
  return Array.from(Map.groupBy(processes, keyOf).values(), (members) => {
    const pids = new Set(members.map(({ pid }) => pid));
    const leader = members.find(({ pid }) => !pids.has(reader.brief(pid)?.parent ?? 0)) ?? members[0]!;
    return { leader, rest: members.filter((each) => each !== leader) };
  });
}

/** The request for {@link gather}. */
export interface Question {
  readonly target: Target;
  readonly files: Files;
  /** Whether names of containers stand behind those of processes. */
  readonly containers: boolean;
  /** Ids of the processes whose descriptors could not be read by the last look-up of owners. */
  unreadable(): readonly number[];
}

/**
 * Answers a question about an open query without a filter.
 *
 * @returns the answer; whether any socket or process was found is up to the caller
 * @throws FilterError for a host name without addresses
 */
export async function gather(query: OpenQuery, question: Question): Promise<Answer> {
  const { target, files } = question;
  const { root } = query.plan.sources;
  const reader = processReader(files, root);
  const notes: string[] = [];
  const found =
    target.kind === "process"
      ? findSockets(query, files, target.pid, () =>
          notes.push(
            `The descriptors of process ${target.pid} cannot be read: run this as root to see its sockets.`,
          ),
        )
      : await findEnds(query, target);
  const { own, clients, candidates } = found;
  const listeners =
    target.kind === "process"
      ? candidates.filter(isListener)
      : own.some(({ socket }) => socket.inode)
        ? collect(query, query.places, listening).filter(isListener)
        : [];
  const asked = [...own, ...clients, ...candidates.filter(isConnection)];
  query.findOwners(
    inodesOf([{ dump: "tcp", sockets: [...asked, ...listeners].map(({ socket }) => socket) }]),
  );
  const unreadable = countProcesses(files, root, question.unreadable());

  const columns = columnsWith(nameSource(query.plan, query.names));
  const reads = (name: string) => {
    const [column] = columns.find(name)!;
    return (socket: Socket) => String(column!.read(socket) ?? "");
  };
  const [netid, state, local, peer, address] = ["netid", "state", "local", "peer", "peer.address"].map(
    reads,
  ) as [
    ReturnType<typeof reads>,
    ReturnType<typeof reads>,
    ReturnType<typeof reads>,
    ReturnType<typeof reads>,
    ReturnType<typeof reads>,
  ];
  const { names } = query;
  const netnsOf = ({ origin }: Socket) => (origin.netns === undefined ? undefined : netnsLabel(origin.netns));
  const nameOf = (pid: number): ProcessName => ({ pid, name: reader.brief(pid)?.name ?? "" });
  const pidsOf = ({ socket }: Listed) => [
    ...new Set((socket.inode ? names.owners(socket.inode) : undefined)?.map(({ pid }) => pid) ?? []),
  ];

  const ports = new Set(
    listeners.flatMap((each) => (each.socket.kind === "inet" ? portKey(each as Listed<InetSocket>) : [])),
  );
  const wanted = new Set(own.flatMap((each) => (isConnection(each) ? connectionKey(each, true) : [])));
  const others = new Map<string, Listed>();
  for (const each of candidates) {
    if (!isConnection(each)) continue;
    const key = connectionKey(each, false);
    if (wanted.has(key)) others.set(key, each);
  }
  const connectionOf = (each: Listed<InetSocket>): Connection => {
    const inbound = ports.has(portKey(each));
    const other = others.get(connectionKey(each, true));
    return {
      inbound,
      peer: inbound ? address(each.socket) : peer(each.socket),
      state: state(each.socket),
      processes: other === undefined ? [] : pidsOf(other).map(nameOf),
    };
  };

  function processes(listed: readonly Listed[], role: WhoProcess["role"], only?: number): WhoProcess[] {
    const byPid = new Map<number, Listed[]>();
    for (const each of listed)
      for (const pid of pidsOf(each)) {
        if (only !== undefined && pid !== only) continue;
        const same = byPid.get(pid);
        if (same === undefined) byPid.set(pid, [each]);
        else same.push(each);
      }
    if (only !== undefined && byPid.size === 0 && reader.brief(only) !== undefined) byPid.set(only, []);
    const asked = new Set(listed.map(({ socket }) => socket.inode));
    const listensBy = new Map<number, Listed[]>();
    for (const each of listeners)
      for (const pid of pidsOf(each)) listensBy.set(pid, [...(listensBy.get(pid) ?? []), each]);
    return Array.from(byPid, ([pid, held]): WhoProcess => {
      const connections = held.filter(isConnection).map(connectionOf);
      const rest = held.filter((each) => !isListener(each) && !isConnection(each));
      const listens = role === "client" ? [] : (listensBy.get(pid) ?? []);
      return {
        role,
        ...nameOf(pid),
        facts: once(() => reader.facts(pid)),
        listeners: listens
          .map(
            ({ socket }): Listener => ({
              netid: netid(socket),
              local: local(socket),
              asked: asked.has(socket.inode),
            }),
          )
          .sort((a, b) => Number(b.asked) - Number(a.asked)),
        inbound: foldPeers(connections.filter(({ inbound }) => inbound)),
        outbound: foldPeers(connections.filter(({ inbound }) => !inbound)),
        others: countBy(rest, ({ socket }) => netid(socket)),
        netns: [...new Set(held.flatMap(({ socket }) => netnsOf(socket) ?? []))],
      };
    }).sort((a, b) => a.pid - b.pid);
  }

  const unowned = new Map<Reason, UnownedSocket[]>(
    (Object.keys(reasons) as Reason[]).map((reason) => [reason, []]),
  );
  for (const each of [...own, ...clients]) {
    if (pidsOf(each).length > 0) continue;
    const { socket } = each;
    const uid = socket.kind === "inet" && socket.inode ? socket.uid : undefined;
    unowned.get(reasonOf(socket, unreadable > 0))!.push({
      netid: netid(socket),
      state: state(socket),
      local: local(socket),
      peer: peer(socket),
      user: uid === undefined ? undefined : (names.user(uid) ?? String(uid)),
      netns: netnsOf(socket),
    });
  }
  const only = target.kind === "process" ? target.pid : undefined;
  return {
    target,
    holders: grouped(processes(own, "holder", only), reader),
    clients: grouped(processes(clients, "client"), reader),
    unowned: new Map([...unowned].filter(([, sockets]) => sockets.length > 0)),
    notes,
    containerOf({ pid }) {
      const container = question.containers ? reader.place(pid).container : undefined;
      return container && containerLabel(container);
    },
  };
}

function countBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
