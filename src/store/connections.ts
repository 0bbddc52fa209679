/** Connections of the past as messages of the kernel, so that everything that lists sockets can list them. */
import { layoutSize, writeField } from "../bytes/layout.ts";
import {
  INET_DIAG_MESSAGE_SIZE,
  inetAttributes,
  inetDiagMessage,
} from "../families/inet/layouts/inet-diag.ts";
import { INET_DIAG_PAST, INET_PAST_SIZE, inetPast } from "../families/inet/layouts/past.ts";
import { tcpInfo } from "../families/inet/layouts/tcp-info.ts";
import { AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP } from "../model/family.ts";
import { dumpOrder } from "../model/selection.ts";
import { SS_CLOSE, SS_TIME_WAIT, stateGroups } from "../model/state.ts";
import { type AttributeToWrite, encodeAttributes } from "../netlink/message.ts";
import { anyConnection } from "./conditions.ts";
import { timesToAges } from "./image.ts";
import type { StoredMessage } from "./image-decoder.ts";
import type { StoredOwner } from "./owners.ts";
import { type PastFacts, ticksOf } from "./past.ts";
import type { Moment, Span, StoredConnection, StoredPlace, StoredProcess, StoreReader } from "./reader.ts";

const encoder = new TextEncoder();

/** Most connections that one question may be about. */
export const CONNECTIONS_LIMIT = 5_000_000;

/** The descriptor of an owner whose descriptor is not known. */
const NO_DESCRIPTOR = -1;
/** The time of boot, as the clocks tell it, moves by less than this unless the host was booted again. */
const SAME_BOOT_MS = 5000;
/** Inodes of connections that ended count down from here; those of real sockets count up from 1. */
const LAST_INODE = 0xffff_ffff;

/** The attribute that says when a connection was open, and why it ended. */
function pastAttribute(openedMs: number | null, closedMs: number, reason: string | null): AttributeToWrite {
  const text = encoder.encode(reason ?? "");
  const payload = new Uint8Array(INET_PAST_SIZE + text.length);
  const data = new DataView(payload.buffer);
  writeField(inetPast.openedMs, data, 0, Math.max(0, openedMs ?? 0));
  writeField(inetPast.closedMs, data, 0, closedMs);
  payload.set(text, INET_PAST_SIZE);
  return { type: INET_DIAG_PAST, payload };
}

/** The counters of a connection as struct tcp_info, as far as the last of them that is known. */
function infoAttribute(connection: StoredConnection): AttributeToWrite[] {
  const values = {
    rtt: connection.rtt_us,
    totalRetrans: connection.retransmits,
    bytesAcked: connection.bytes_sent,
    bytesReceived: connection.bytes_received,
    segsOut: connection.segments_sent,
    segsIn: connection.segments_received,
    minRtt: connection.min_rtt_us,
  } as const;
  if (Object.values(values).every((value) => value === null)) return [];
  const { minRtt } = tcpInfo;
  const payload = new Uint8Array(layoutSize({ minRtt }));
  const data = new DataView(payload.buffer);
  for (const [name, value] of Object.entries(values))
    writeField(tcpInfo[name as keyof typeof values], data, 0, value ?? 0);
  return [{ type: inetAttributes.info.id, payload }];
}

/** A message of words from bytes. */
function messageOf(parts: readonly Uint8Array[]): StoredMessage {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const words = new Uint32Array((length + 3) >>> 2);
  const bytes = new Uint8Array(words.buffer);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { words, length };
}

function endedMessage(connection: StoredConnection, inode: number): StoredMessage {
  const { local, peer, opened_ms, closedMs, reason } = connection;
  const head = new Uint8Array(INET_DIAG_MESSAGE_SIZE);
  const data = new DataView(head.buffer);
  writeField(inetDiagMessage.familyNumber, data, 0, local.length === 4 ? AF_INET : AF_INET6);
  writeField(inetDiagMessage.stateNumber, data, 0, SS_CLOSE);
  writeField(inetDiagMessage.uid, data, 0, connection.uid);
  writeField(inetDiagMessage.inode, data, 0, inode);
  data.setUint16(inetDiagMessage.sport.offset, connection.local_port);
  data.setUint16(inetDiagMessage.dport.offset, connection.peer_port);
  head.set(local, inetDiagMessage.source.offset);
  head.set(peer, inetDiagMessage.destination.offset);
  const attributes = [...infoAttribute(connection), pastAttribute(opened_ms, closedMs, reason)];
  return messageOf([head, encodeAttributes(attributes)]);
}

/** Whether a message is a connection: a TCP or UDP socket with a peer that has not ended. */
function isConnection({ words, length }: StoredMessage): boolean {
  if (length < INET_DIAG_MESSAGE_SIZE) return false;
  const data = new DataView(words.buffer, words.byteOffset);
  const state = data.getUint8(inetDiagMessage.stateNumber.offset);
  if (((1 << state) & stateGroups.connected) === 0 || state === SS_TIME_WAIT) return false;
  return data.getUint16(inetDiagMessage.dport.offset) !== 0;
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
 * @param staleMs how old the last sample may be to say what was open
 * @param query which of those that ended may be wanted
 */
export function connectionsOf(
  reader: StoreReader,
  span: Span,
  staleMs: number,
  query = anyConnection,
): PastConnections {
  const places = new Merged<StoredPlace>(({ inode }) => `${inode}`);
  const processes = new Merged<StoredProcess>(
    ({ pid, start_ticks, name }) => `${pid}/${start_ticks}/${name.join(".")}`,
  );
  const owners = new Map<number, readonly StoredOwner[]>();
  const messages = new Map<string, StoredMessage[]>();
  const add = (place: number, dump: number, family: number, message: StoredMessage) => {
    const key = `${place}/${dump}/${family}`;
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
  const last = lastMs !== undefined && lastMs >= span.untilMs - staleMs ? reader.moment(lastMs) : undefined;
  let bootedMs = last && last.wallMs - last.bootMs;
  /** A process with its start time as if it had begun since the last boot: ticks count from its own. */
  const sinceBoot = (row: StoredProcess, itsBootMs: number | undefined): StoredProcess => {
    if (bootedMs === undefined || itsBootMs === undefined || Math.abs(itsBootMs - bootedMs) < SAME_BOOT_MS)
      return row;
    return { ...row, start_ticks: row.start_ticks + ticksOf(itsBootMs - bootedMs) };
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
      if (process !== undefined) owners.set(inode, [{ process, fd: NO_DESCRIPTOR }]);
      const family = connection.local.length === 4 ? AF_INET : AF_INET6;
      add(placeIds.get(connection.place) ?? 0, dump, family, endedMessage(connection, inode));
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
    for (const group of last.image.values()) {
      if (!open.has(group.dump)) continue;
      for (const message of group.messages) {
        if (!isConnection(message)) continue;
        const words = message.words.slice();
        timesToAges(words, group, last.bootMs);
        const bytes = new Uint8Array(words.buffer, 0, message.length);
        const past = encodeAttributes([pastAttribute(null, 0, null)]);
        add(placeIds.get(group.place) ?? 0, group.dump, group.family, messageOf([bytes, past]));
      }
    }
  }
  return {
    ended,
    cut,
    last,
    facts: {
      messages: (place, dump, family) => messages.get(`${place}/${dump}/${family}`) ?? [],
      agesAtMs: undefined,
      owners,
      processes: processes.rows,
      places: places.rows,
      context: last?.context ?? [],
      bootedMs,
    },
  };
}
