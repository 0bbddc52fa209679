/** Sockets taken together: by process, peer, local port, state or container. */
import { addressText } from "../model/address.ts";
import { AF_INET, AF_INET6 } from "../model/family.ts";
import { stateName } from "../model/state.ts";
import { groupColumns, listens } from "./columns.ts";
import type { Holders } from "./owners.ts";
import type { NumberName, SocketTable } from "./table.ts";

/** What sockets have in common: a number or text that is cheap to get, and what it is called. */
interface Grouping {
  /** One key for each group. */
  key(table: SocketTable, slot: number, holders: Holders): number | string;
  /** What the group is called that a socket is of. */
  label(table: SocketTable, slot: number, holders: Holders): string;
}

/** Bytes kept of each address; the peer's follows the local one. */
const ADDRESS = 16;
const unknown = "-";

/** The offset of the IPv4 address inside a peer's, which may be an IPv6 one; undefined for IPv6 proper. */
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
  if (!table.isInet(slot)) return unknown;
  const ipv4 = ipv4Offset(table, slot);
  if (ipv4 !== undefined) return addressText(table.addresses, ipv4, AF_INET);
  return addressText(table.addresses, (slot * 2 + 1) * ADDRESS, AF_INET6);
}

/** The ways to group sockets, by the word of `--by`. */
export const groupings = {
  process: {
    key: (table, slot) => table.process[slot]!,
    label: (table, slot, holders) => holders.label(table.process[slot]!) ?? unknown,
  },
  peer: {
    key(table, slot) {
      if (!table.isInet(slot)) return unknown;
      const ipv4 = ipv4Offset(table, slot);
      return ipv4 === undefined ? peerAddress(table, slot) : table.addresses.getUint32(ipv4);
    },
    label: peerAddress,
  },
  port: {
    key: (table, slot) => (table.isInet(slot) ? table.localPort[slot]! : -1),
    label: (table, slot) => (table.isInet(slot) ? `:${table.localPort[slot]}` : unknown),
  },
  state: {
    key: (table, slot) => table.state[slot]!,
    label: (table, slot) => stateName(table.state[slot]!),
  },
  container: {
    key: (table, slot, holders) => holders.container(table.process[slot]!) ?? unknown,
    label: (table, slot, holders) => holders.container(table.process[slot]!) ?? unknown,
  },
} as const satisfies Readonly<Record<string, Grouping>>;

/** What sockets are grouped by. */
export type GroupBy = keyof typeof groupings;

/** The words of `--by`. */
export const groupWords = Object.keys(groupings) as readonly GroupBy[];

/** Sockets taken together. */
export interface Group {
  /** Tells it from all others of its grouping. */
  readonly key: string;
  readonly label: string;
  /** How many sockets it has. */
  sockets: number;
  /** Sums, by the key of the column; undefined where no socket tells the number. */
  readonly sums: { [column: string]: number | undefined };
}

const summedColumns = groupColumns.filter(
  (column): column is typeof column & { number: NumberName } => column.number !== undefined,
);

/** The key of the group that a socket is of, as text. */
export function groupKey(by: GroupBy, table: SocketTable, slot: number, holders: Holders): string {
  return `${groupings[by].key(table, slot, holders)}`;
}

/** Puts sockets into groups. */
export function groupsOf(table: SocketTable, by: GroupBy, holders: Holders): Group[] {
  const grouping: Grouping = groupings[by];
  const groups = new Map<number | string, Group>();
  for (let slot = 0; slot < table.end; slot++) {
    if (!table.isLive(slot)) continue;
    const key = grouping.key(table, slot, holders);
    let group = groups.get(key);
    if (group === undefined) {
      group = { key: `${key}`, label: grouping.label(table, slot, holders), sockets: 0, sums: {} };
      groups.set(key, group);
    }
    group.sockets++;
    for (const { key: column, kind, number } of summedColumns) {
      const value = table.numbers[number][slot]!;
      // The queues of a listener hold connections, no bytes.
      if (Number.isNaN(value) || (kind === "bytes" && listens(table, slot))) continue;
      group.sums[column] = (group.sums[column] ?? 0) + value;
    }
  }
  return [...groups.values()];
}
