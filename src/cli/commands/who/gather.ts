/** Gathers the answer of `who`: the processes of the sockets that were found, and what these sockets are connected to. */

import { containerLabel } from "../../../enrich/containers.ts";
import { once } from "../../../enrich/once.ts";
import { countProcesses } from "../../../enrich/processes.ts";
import type { InetSocket } from "../../../families/inet/socket.ts";
import type { Socket } from "../../../families/socket.ts";
import type { Files } from "../../../host/host.ts";
import { netnsLabel } from "../../../host/namespaces.ts";
import { columnsWith } from "../../../output/columns.ts";
import { nameSource } from "../../../output/name-source.ts";
import { inodesOf, type OpenQuery } from "../../../query/open.ts";
import type { Answer, Listener, UnownedSocket, WhoGroup, WhoProcess } from "./answer.ts";
import {
  collect,
  connectionKey,
  findEnds,
  findSockets,
  isConnection,
  isListener,
  type Listed,
  listening,
  portKey,
} from "./find.ts";
import { type Connection, foldPeers } from "./peers.ts";
import { type ProcessName, type ProcessReader, processReader } from "./process.ts";
import type { Target } from "./target.ts";
import { type Reason, reasonOf, reasons } from "./unowned.ts";

/** The request for {@link gather}. */
export interface Question {
  readonly target: Target;
  readonly files: Files;
  /** Whether names of containers stand behind those of processes. */
  readonly containers: boolean;
  /** Ids of the processes whose descriptors could not be read by the last look-up of owners. */
  unreadable(): readonly number[];
}

/** What is read of a socket, and of the processes that have it. */
interface SocketReader {
  netid(socket: Socket): string;
  state(socket: Socket): string;
  local(socket: Socket): string;
  /** Address and port of the other end. */
  peer(socket: Socket): string;
  /** The address of the other end. */
  peerAddress(socket: Socket): string;
  netns(socket: Socket): string | undefined;
  /** The processes that have it, each once. */
  pids(listed: Listed): number[];
  name(pid: number): ProcessName;
}

function socketReader({ plan, names }: OpenQuery, processes: ProcessReader): SocketReader {
  const columns = columnsWith(nameSource(plan, names));
  const cell = (name: string) => {
    const [column] = columns.find(name)!;
    return (socket: Socket) => String(column!.read(socket) ?? "");
  };
  return {
    netid: cell("netid"),
    state: cell("state"),
    local: cell("local"),
    peer: cell("peer"),
    peerAddress: cell("peer.address"),
    netns: ({ origin }) => (origin.netns === undefined ? undefined : netnsLabel(origin.netns)),
    pids: ({ socket }) => [
      ...new Set((socket.inode ? names.owners(socket.inode) : undefined)?.map(({ pid }) => pid) ?? []),
    ],
    name: (pid) => ({ pid, name: processes.brief(pid)?.name ?? "" }),
  };
}

/** Describes connections: who began them, and which processes of this host have the other end. */
function connectionReader(
  reader: SocketReader,
  own: readonly Listed[],
  candidates: readonly Listed[],
  listeners: readonly Listed[],
): (connection: Listed<InetSocket>) => Connection {
  const ports = new Set<string>();
  for (const each of listeners)
    if (each.socket.kind === "inet") ports.add(portKey(each as Listed<InetSocket>));
  const wanted = new Set(own.filter(isConnection).map((each) => connectionKey(each, true)));
  const others = new Map<string, Listed>();
  for (const each of candidates.filter(isConnection)) {
    const key = connectionKey(each, false);
    if (wanted.has(key)) others.set(key, each);
  }
  return (each) => {
    const inbound = ports.has(portKey(each));
    const other = others.get(connectionKey(each, true));
    return {
      inbound,
      peer: inbound ? reader.peerAddress(each.socket) : reader.peer(each.socket),
      state: reader.state(each.socket),
      processes: other === undefined ? [] : reader.pids(other).map(reader.name),
    };
  };
}

/** Sockets by the process that has them. A socket of several processes is with each. */
function byProcess(sockets: readonly Listed[], reader: SocketReader): Map<number, Listed[]> {
  const held = new Map<number, Listed[]>();
  for (const each of sockets)
    for (const pid of reader.pids(each)) {
      const same = held.get(pid);
      if (same === undefined) held.set(pid, [each]);
      else same.push(each);
    }
  return held;
}

/** A process's listeners, those of the target first. */
function listenersOf(
  listened: readonly Listed[],
  targets: ReadonlySet<number | undefined>,
  reader: SocketReader,
) {
  return listened
    .map(
      ({ socket }): Listener => ({
        netid: reader.netid(socket),
        local: reader.local(socket),
        isTarget: targets.has(socket.inode),
      }),
    )
    .sort((a, b) => Number(b.isTarget) - Number(a.isTarget));
}

/** Processes, folded with those of the same name and process group. */
function grouped(processes: readonly WhoProcess[], reader: ProcessReader): WhoGroup[] {
  const keyOf = ({ pid, name }: WhoProcess) => `${reader.brief(pid)?.group ?? pid} ${name}`;
  return Array.from(Map.groupBy(processes, keyOf).values(), (members) => {
    const pids = new Set(members.map(({ pid }) => pid));
    const leader = members.find(({ pid }) => !pids.has(reader.brief(pid)?.parent ?? 0)) ?? members[0]!;
    return { leader, rest: members.filter((each) => each !== leader) };
  });
}

/** The sockets without a process, by the reason for it. */
function unownedOf(
  sockets: readonly Listed[],
  { names }: OpenQuery,
  reader: SocketReader,
  hasUnreadable: boolean,
): ReadonlyMap<Reason, readonly UnownedSocket[]> {
  const unowned = new Map<Reason, UnownedSocket[]>(
    (Object.keys(reasons) as Reason[]).map((reason) => [reason, []]),
  );
  for (const each of sockets) {
    if (reader.pids(each).length > 0) continue;
    const { socket } = each;
    const uid = socket.kind === "inet" && socket.inode ? socket.uid : undefined;
    unowned.get(reasonOf(socket, hasUnreadable))!.push({
      netid: reader.netid(socket),
      state: reader.state(socket),
      local: reader.local(socket),
      peer: reader.peer(socket),
      user: uid === undefined ? undefined : (names.user(uid) ?? String(uid)),
      netns: reader.netns(socket),
    });
  }
  return new Map([...unowned].filter(([, found]) => found.length > 0));
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
  const notes: string[] = [];
  const only = target.kind === "process" ? target.pid : undefined;
  const unreadableNote = `The descriptors of process ${only} cannot be read: run this as root to see its sockets.`;
  const { own, clients, candidates } =
    target.kind === "process"
      ? findSockets(query, files, target.pid, () => notes.push(unreadableNote))
      : await findEnds(query, target);
  const listeners =
    only !== undefined
      ? candidates.filter(isListener)
      : own.some(({ socket }) => socket.inode)
        ? collect(query, query.places, listening).filter(isListener)
        : [];
  const sockets = [...own, ...clients, ...candidates.filter(isConnection), ...listeners];
  query.findOwners(inodesOf([{ dump: "tcp", sockets: sockets.map(({ socket }) => socket) }]));
  const unreadable = countProcesses(files, root, question.unreadable());

  const processFacts = processReader(files, root);
  const reader = socketReader(query, processFacts);
  const describe = connectionReader(reader, own, candidates, listeners);
  const listensBy = byProcess(listeners, reader);

  function processes(found: readonly Listed[], role: WhoProcess["role"]): WhoProcess[] {
    const targets = new Set(found.map(({ socket }) => socket.inode));
    const held = [...byProcess(found, reader)].filter(([pid]) => only === undefined || pid === only);
    // A process without sockets is an answer, too.
    if (held.length === 0 && only !== undefined && processFacts.brief(only) !== undefined)
      held.push([only, []]);
    return held
      .map(([pid, sockets]): WhoProcess => {
        const connections = sockets.filter(isConnection).map(describe);
        const rest = sockets.filter((each) => !isListener(each) && !isConnection(each));
        return {
          role,
          ...reader.name(pid),
          facts: once(() => processFacts.facts(pid)),
          listeners: listenersOf(role === "client" ? [] : (listensBy.get(pid) ?? []), targets, reader),
          inbound: foldPeers(connections.filter(({ inbound }) => inbound)),
          outbound: foldPeers(connections.filter(({ inbound }) => !inbound)),
          others: countBy(rest, ({ socket }) => reader.netid(socket)),
          netns: [...new Set(sockets.flatMap(({ socket }) => reader.netns(socket) ?? []))],
        };
      })
      .sort((a, b) => a.pid - b.pid);
  }

  return {
    target,
    holders: grouped(processes(own, "holder"), processFacts),
    clients: only === undefined ? grouped(processes(clients, "client"), processFacts) : [],
    unowned: unownedOf([...own, ...clients], query, reader, unreadable > 0),
    notes,
    containerOf({ pid }) {
      const container = question.containers ? processFacts.place(pid).container : undefined;
      return container && containerLabel(container);
    },
  };
}

function countBy<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
