/** The other ends of the connections of a process, counted by address. */
import type { ProcessName } from "./process.ts";

/** One connection. */
export interface Connection {
  /** Whether the other end connected to a listener of this host. */
  readonly inbound: boolean;
  /** The other end: its address, with its port if it was connected to. */
  readonly peer: string;
  readonly state: string;
  /** Who has the other end open, if it is on this host. */
  readonly processes: readonly ProcessName[];
}

/** Connections with the same other end. */
export interface Peer {
  readonly peer: string;
  readonly count: number;
  /** Connections by state. */
  readonly states: ReadonlyMap<string, number>;
  /** Who has the other ends open, each once; at most {@link PROCESSES}. */
  readonly processes: readonly ProcessName[];
}

/** The connections of one direction. */
export interface Peers {
  readonly count: number;
  readonly states: ReadonlyMap<string, number>;
  /** The largest first. */
  readonly peers: readonly Peer[];
}

/** Processes that are named of one peer. */
const PROCESSES = 16;

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Folds connections by their other ends. */
export function foldPeers(connections: readonly Connection[]): Peers {
  const states = new Map<string, number>();
  const peers = new Map<
    string,
    { count: number; states: Map<string, number>; processes: Map<number, ProcessName> }
  >();
  for (const { peer, state, processes } of connections) {
    add(states, state);
    let found = peers.get(peer);
    if (found === undefined) {
      found = { count: 0, states: new Map(), processes: new Map() };
      peers.set(peer, found);
    }
    found.count++;
    add(found.states, state);
    for (const process of processes)
      if (found.processes.size < PROCESSES) found.processes.set(process.pid, process);
  }
  const sorted = Array.from(peers, ([peer, found]) => ({
    ...found,
    peer,
    processes: [...found.processes.values()],
  })).sort((a, b) => b.count - a.count || (a.peer < b.peer ? -1 : 1));
  return { count: connections.length, states, peers: sorted };
}
