/** Connections of the past as messages of the kernel, so that everything that lists sockets can list them. */
import { INET_DIAG_MESSAGE_SIZE, inetDiagMessage } from "../families/inet/layouts/inet-diag.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { dumpOrder } from "../model/selection.ts";
import { SS_TIME_WAIT, stateGroups } from "../model/state.ts";
import { anyConnection } from "./conditions.ts";
import type { DecodedGroup, StoredMessage } from "./image-decoder.ts";
import type { StoredOwner } from "./owners.ts";
import { type PastFacts, ticksOf } from "./past.ts";
import { PastMessages } from "./past-messages.ts";
import type { Moment, Span, StoreReader } from "./reader.ts";
import type { StoredPlace, StoredProcess } from "./rows.ts";

const WORD = 4;
const STATE = inetDiagMessage.stateNumber.offset;
const DPORT = inetDiagMessage.dport.offset;

/** Most connections that one question may be about. */
export const CONNECTIONS_LIMIT = 5_000_000;
/** How old a sample may be to show what was open at a time, in milliseconds. */
export const STALE_MS = 60_000;
/** The columns of a list of connections, unless others are named. */
export const connectionColumns: readonly string[] = [
  "closed",
  "durationMs",
  "netid",
  "local",
  "peer",
  "process",
  "bytes_acked",
  "bytes_received",
  "tcpInfo.totalRetrans",
  "reason",
];

/** The descriptor of an owner whose descriptor is not known. */
const NO_DESCRIPTOR = -1;
/** The time of boot, as the clocks tell it, moves by less than this unless the host was booted again. */
const SAME_BOOT_MS = 5000;
/** Inodes of connections that ended count down from here; those of real sockets count up from 1. */
const LAST_INODE = 0xffff_ffff;

/** Whether a message is a connection: a TCP or UDP socket with a peer that has not ended. */
function isConnection({ words, length }: StoredMessage): boolean {
  if (length < INET_DIAG_MESSAGE_SIZE) return false;
  const state = (words[Math.floor(STATE / WORD)]! >>> (8 * (STATE % WORD))) & 0xff;
  if (((1 << state) & stateGroups.connected) === 0 || state === SS_TIME_WAIT) return false;
  // The port of the peer is the second half of its word.
  return words[Math.floor(DPORT / WORD)]! >>> 16 !== 0;
}

/** Names a connection by its place, request, addresses and ports. */
function tupleName(
  place: number,
  dump: number,
  ends: readonly [Uint8Array, number, Uint8Array, number],
): string {
  return `${place} ${dump} ${ends.join(" ")}`;
}

/** {@link tupleName} of a message. */
function messageTuple(place: number, { dump, family }: DecodedGroup, { words }: StoredMessage): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, INET_DIAG_MESSAGE_SIZE);
  const address = ({ offset }: { readonly offset: number }) =>
    bytes.subarray(offset, offset + (family === AF_INET ? 4 : 16));
  const port = ({ offset }: { readonly offset: number }) => (bytes[offset]! << 8) | bytes[offset + 1]!;
  const { source, destination, sport, dport } = inetDiagMessage;
  return tupleName(place, dump, [address(source), port(sport), address(destination), port(dport)]);
}

/** Numbers for rows of several files: ids of one file mean something else in another. */
class Merged<Row extends { readonly id: number }> {
  readonly rows: Row[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #keyOf: (row: Row) => string;

  constructor(keyOf: (row: Row) => string) {
    this.#keyOf = keyOf;
  }

  /** Adds the rows of a file. @returns the common number of each of its ids */
  add(rows: readonly Row[]): ReadonlyMap<number, number> {
    return new Map(
      rows.map((row) => {
        const key = this.#keyOf(row);
        let id = this.#byKey.get(key);
        if (id === undefined) {
          id = this.rows.length + 1;
          this.#byKey.set(key, id);
          this.rows.push({ ...row, id });
        }
        return [row.id, id];
      }),
    );
  }
}

/** Numbers of requests, and of address families, that a place may have. */
const MOST_DUMPS = 64;
const MOST_FAMILIES = 64;

/** Names a group of messages by a number. */
function keyOf(place: number, dump: number, family: number): number {
  return (place * MOST_DUMPS + dump) * MOST_FAMILIES + family;
}

/** The connections of a span, as the sockets of a machine. */
export interface PastConnections {
  readonly facts: PastFacts;
  /** How many connections ended in the span. */
  readonly ended: number;
  /** Whether there were more than fit. */
  readonly cut: boolean;
  /** The moment that tells which connections were still open at the end of the span. */
  readonly last: Moment | undefined;
}

/**
 * Collects the connections that were open at any time of a span: those that ended in it, then those that were still
 * open at its end.
 *
 * @param query which of those that ended may be wanted
 */
export function connectionsOf(reader: StoreReader, span: Span, query = anyConnection): PastConnections {
  const places = new Merged<StoredPlace>(({ inode }) => `${inode}`);
  const processes = new Merged<StoredProcess>(
    ({ pid, start_ticks, name }) => `${pid}/${start_ticks}/${name.join(".")}`,
  );
  const owners = new Map<number, readonly StoredOwner[]>();
  const made = new PastMessages();
  const messages = new Map<number, StoredMessage[]>();
  const add = (place: number, dump: number, family: number, message: StoredMessage) => {
    const key = keyOf(place, dump, family);
    const same = messages.get(key);
    if (same === undefined) messages.set(key, [message]);
    else same.push(message);
  };
  const dumps = new Map([
    [IPPROTO_TCP, dumpOrder.indexOf("tcp")],
    [IPPROTO_UDP, dumpOrder.indexOf("udp")],
  ]);
  const lastMs = reader.sampleBefore(span.untilMs + 1);
  // A sample that is too old to say what was open is not decoded.
  const last = lastMs !== undefined && lastMs >= span.untilMs - STALE_MS ? reader.moment(lastMs) : undefined;
  let bootedMs = last && last.wallMs - last.bootMs;
  /** A process with its start time as if it had begun since the last boot: ticks count from its own. */
  const sinceBoot = (row: StoredProcess, itsBootMs: number | undefined): StoredProcess => {
    if (bootedMs === undefined || itsBootMs === undefined || Math.abs(itsBootMs - bootedMs) < SAME_BOOT_MS)
      return row;
    return { ...row, start_ticks: row.start_ticks + ticksOf(itsBootMs - bootedMs) };
  };
  const lists = new Map<number, readonly StoredOwner[]>();
  const ownedBy = (process: number): readonly StoredOwner[] => {
    let list = lists.get(process);
    if (list === undefined) {
      list = [{ process, fd: NO_DESCRIPTOR }];
      lists.set(process, list);
    }
    return list;
  };
  let ended = 0;
  let cut = false;
  for (const file of reader.connections(span, query)) {
    bootedMs ??= file.bootedMs;
    const placeIds = places.add(file.places);
    const processIds = processes.add(file.processes.map((row) => sinceBoot(row, file.bootedMs)));
    for (const connection of file.connections) {
      const dump = dumps.get(connection.protocol);
      if (dump === undefined) continue;
      if (ended >= CONNECTIONS_LIMIT) {
        cut = true;
        break;
      }
      const inode = LAST_INODE - ended++;
      const process = connection.process === null ? undefined : processIds.get(connection.process);
      if (process !== undefined) owners.set(inode, ownedBy(process));
      const family = connection.local.length === 4 ? AF_INET : AF_INET6;
      add(placeIds.get(connection.place) ?? 0, dump, family, made.ended(connection, inode));
    }
  }
  if (last !== undefined) {
    const placeIds = places.add(last.places);
    const processIds = processes.add(last.processes);
    for (const [inode, list] of last.owners)
      owners.set(
        inode,
        list.flatMap(({ process, fd }) => {
          const id = processIds.get(process);
          return id === undefined ? [] : [{ process: id, fd }];
        }),
      );
    const open = new Set(dumps.values());
    const endedSince = new Set<string>();
    for (const file of reader.connections({ fromMs: last.wallMs, untilMs: span.untilMs })) {
      const ids = places.add(file.places);
      for (const { protocol, place, local, local_port, peer, peer_port } of file.connections)
        endedSince.add(
          tupleName(ids.get(place) ?? 0, dumps.get(protocol) ?? -1, [local, local_port, peer, peer_port]),
        );
    }
    for (const group of last.image.values()) {
      if (!open.has(group.dump)) continue;
      for (const message of group.messages) {
        if (!isConnection(message)) continue;
        const place = placeIds.get(group.place) ?? 0;
        // It has a row of its own already.
        if (endedSince.size > 0 && endedSince.has(messageTuple(place, group, message))) continue;
        add(place, group.dump, group.family, made.open(message, group, last.bootMs));
      }
    }
  }
  return {
    ended,
    cut,
    last,
    facts: {
      messages: (place, dump, family) => messages.get(keyOf(place, dump, family)) ?? [],
      agesAtMs: undefined,
      owners,
      processes: processes.rows,
      places: places.rows,
      context: last?.context ?? [],
      bootedMs,
    },
  };
}
