/** Groups of sockets: by process, program, user, unit, container, peer, port, state or namespace. */

import { netnsLabel } from "../host/namespaces.ts";
import { addressText } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { stateName } from "../model/state.ts";
import { groupColumns, listens } from "./columns.ts";
import type { Holders } from "./owners.ts";
import type { NumberName, SocketTable } from "./table.ts";

/** What the sockets of a group have in common: a number or text that is cheap to get, and its name. */
interface Grouping {
  /** One key for each group. */
  key(table: SocketTable, slot: number, holders: Holders): number | string;
  /** Name of the group that a socket belongs to. */
  label(table: SocketTable, slot: number, holders: Holders): string;
}

/** Bytes of each kept address; the peer's follows the local one. */
const ADDRESS = 16;
const unknown = "-";

/** Offset of the peer's IPv4 address, which an IPv6 address may hold; undefined for an IPv6 address proper. */
function ipv4Offset({ addresses, family }: SocketTable, slot: number): number | undefined {
  const at = (slot * 2 + 1) * ADDRESS;
  if (family[slot] === AF_INET) return at;
  const mapped =
    addresses.getUint32(at) === 0 &&
    addresses.getUint32(at + 4) === 0 &&
    addresses.getUint32(at + 8) === 0xffff;
  return mapped ? at + 12 : undefined;
}

function peerAddress(table: SocketTable, slot: number): string {
  const ipv4 = ipv4Offset(table, slot);
  if (ipv4 !== undefined) return addressText(table.addresses, ipv4, AF_INET);
  return addressText(table.addresses, (slot * 2 + 1) * ADDRESS, AF_INET6);
}

/** Whether a socket has a peer: a listener has the unspecified address in its place. */
function hasPeer(table: SocketTable, slot: number): boolean {
  return table.isInet(slot) && !(table.peerPort[slot] === 0 && isUnspecified(table, slot));
}

function isUnspecified({ addresses }: SocketTable, slot: number): boolean {
  for (let at = (slot * 2 + 1) * ADDRESS, end = at + ADDRESS; at < end; at += 4)
    if (addresses.getUint32(at) !== 0) return false;
  return true;
}

/** A grouping by a text of the socket's process: sockets without it are one group. */
function byProcess(text: (holders: Holders, pid: number) => string | undefined): Grouping {
  const label: Grouping["label"] = (table, slot, holders) => text(holders, table.process[slot]!) ?? unknown;
  return { key: label, label };
}

/** The ways to group sockets, by the word of `--by`. */
export const groupings = {
  process: {
    key: (table, slot) => table.process[slot]!,
    label: (table, slot, holders) => holders.label(table.process[slot]!) ?? unknown,
  },
  program: byProcess((holders, pid) => holders.name(pid)),
  user: {
    key: (table, slot) => table.uid[slot]!,
    label: (table, slot, holders) => holders.user(table.uid[slot]!) ?? unknown,
  },
  unit: byProcess((holders, pid) => holders.unit(pid)),
  container: byProcess((holders, pid) => holders.container(pid)),
  peer: {
    key(table, slot) {
      if (!hasPeer(table, slot)) return unknown;
      const ipv4 = ipv4Offset(table, slot);
      return ipv4 === undefined ? peerAddress(table, slot) : table.addresses.getUint32(ipv4);
    },
    label: (table, slot) => (hasPeer(table, slot) ? peerAddress(table, slot) : unknown),
  },
  port: {
    key: (table, slot) => (table.isInet(slot) ? table.localPort[slot]! : -1),
    label: (table, slot) => (table.isInet(slot) ? `:${table.localPort[slot]}` : unknown),
  },
  dport: {
    key: (table, slot) => (hasPeer(table, slot) ? table.peerPort[slot]! : -1),
    label: (table, slot) => (hasPeer(table, slot) ? `:${table.peerPort[slot]}` : unknown),
  },
  state: {
    key: (table, slot) => table.state[slot]!,
    label: (table, slot) => stateName(table.state[slot]!),
  },
  netns: {
    key: (table, slot) => table.netns(slot)?.inode ?? 0,
    label(table, slot) {
      const netns = table.netns(slot);
      return netns === undefined ? unknown : netnsLabel(netns);
    },
  },
} as const satisfies Readonly<Record<string, Grouping>>;

/** What sockets are grouped by. */
export type GroupBy = keyof typeof groupings;

/** The words of `--by`. */
export const groupWords = Object.keys(groupings) as readonly GroupBy[];

/** A group of sockets. */
export interface Group {
  /** Tells it from all others of its grouping. */
  readonly key: string;
  readonly label: string;
  /** How many sockets it has. */
  sockets: number;
  /** Sums, by the key of the column; undefined if no socket has the number. */
  readonly sums: { [column: string]: number | undefined };
}

const summedColumns = groupColumns.filter(
  (column): column is typeof column & { number: NumberName } => column.number !== undefined,
);

/** The key of the group that a socket is of, as text. */
export function groupKey(by: GroupBy, table: SocketTable, slot: number, holders: Holders): string {
  return `${groupings[by].key(table, slot, holders)}`;
}

/** Which sockets are shown; undefined for all. */
export type SlotTest = (slot: number) => boolean;

/**
 * Puts sockets into groups. A group has the rates of the sockets that ended in the sample, too, but does not count them.
 *
 * @param isWanted chooses the sockets
 */
export function groupsOf(table: SocketTable, by: GroupBy, holders: Holders, isWanted?: SlotTest): Group[] {
  const grouping: Grouping = groupings[by];
  const groups = new Map<number | string, Group>();
  function add(slot: number, isLive: boolean): void {
    const key = grouping.key(table, slot, holders);
    let group = groups.get(key);
    if (group === undefined) {
      group = { key: `${key}`, label: grouping.label(table, slot, holders), sockets: 0, sums: {} };
      groups.set(key, group);
    }
    if (isLive) group.sockets++;
    const isListener = listens(table, slot);
    for (const { key: column, kind, number } of summedColumns) {
      const value = table.numbers[number][slot]!;
      // The queues of a listener hold connections, not bytes; those of an ended socket are gone.
      if (Number.isNaN(value) || (kind === "bytes" && (isListener || !isLive))) continue;
      group.sums[column] = (group.sums[column] ?? 0) + value;
    }
  }
  for (let slot = 0; slot < table.end; slot++)
    if (table.isLive(slot) && (isWanted?.(slot) ?? true)) add(slot, true);
  for (const slot of table.ended) if (isWanted?.(slot) ?? true) add(slot, false);
  return [...groups.values()];
}
