/** What of a filter SQLite can decide about connections that ended, so that others are never decoded. */
import type { Prefix } from "../filter/addresses.ts";
import { ANY } from "../filter/number-hosts.ts";
import type { HostOperand } from "../filter/operands.ts";
import { type Filter, type FilterPredicate, isJoin } from "../filter/tree.ts";
import { INDEXED_PORTS } from "./schema.ts";

/** A condition on rows of the table `connection`. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly (number | Uint8Array)[];
}

/** Conditions that every matching connection meets, and the order in which few of them are wanted. */
export interface ConnectionQuery {
  readonly conditions: readonly Condition[];
  /** A column of the table, the largest or smallest first, and how many rows are enough. */
  readonly first?: { readonly column: SortedColumn; readonly descending: boolean; readonly count: number };
}

/** Columns that SQLite may sort by. */
export const sortedColumns = {
  "tcpInfo.totalRetrans": "retransmits",
  "tcpInfo.bytesAcked": "bytes_sent",
  "tcpInfo.bytesReceived": "bytes_received",
  "tcpInfo.rttUs": "rtt_us",
  "tcpInfo.minRttUs": "min_rtt_us",
} as const;

/** One of {@link sortedColumns}. */
export type SortedColumn = (typeof sortedColumns)[keyof typeof sortedColumns];

/** Everything. */
export const anyConnection: ConnectionQuery = { conditions: [] };

const LONGEST = 16;
const IPV4_LENGTH = 4;
const MAPPED_LENGTH = 12;
/** Networks that are smaller are looked up by address; larger ones have too many. */
const SMALL_NETWORK: Readonly<Record<number, number>> = { 4: 24, 16: 64 };

/** The lowest and the highest address with a prefix, as bytes that compare as SQLite compares them. */
function boundsOf(address: Uint8Array, length: number, before: number): readonly [Uint8Array, Uint8Array] {
  const low = new Uint8Array(before + address.length);
  if (before > 0) low.fill(0xff, before - 2, before);
  const high = new Uint8Array(LONGEST).fill(0xff);
  high.set(low.subarray(0, before));
  for (let index = 0; index < address.length; index++) {
    const bits = Math.max(0, Math.min(8, length - index * 8));
    const mask = (0xff00 >>> bits) & 0xff;
    low[before + index] = address[index]! & mask;
    high[before + index] = (address[index]! & mask) | (~mask & 0xff);
  }
  return [low, high];
}

function addressCondition(column: string, { address, length }: Prefix): Condition | undefined {
  if (length < (SMALL_NETWORK[address.length] ?? Number.POSITIVE_INFINITY)) return undefined;
  const ranges = [boundsOf(address, length, 0)];
  // An IPv4 prefix also matches addresses that are mapped into IPv6.
  if (address.length === IPV4_LENGTH) ranges.push(boundsOf(address, length, MAPPED_LENGTH));
  const each = ranges.map(() => "bytes BETWEEN ? AND ?").join(" OR ");
  return { sql: `${column} IN (SELECT id FROM address WHERE ${each})`, values: ranges.flat() };
}

const relations: Readonly<Record<string, string>> = {
  "=": "=",
  "!=": "<>",
  ">=": ">=",
  "<=": "<=",
  ">": ">",
  "<": "<",
};

/** Whether the index of peers' ports finds the rows of a condition. */
function isIndexedPort({ sql, values }: Condition): boolean {
  return sql === "peer_port = ?" && Number(values[0]) < INDEXED_PORTS;
}

function hostConditions(
  predicate: FilterPredicate,
  host: HostOperand,
  [address, port]: readonly [string, string],
): (Condition | undefined)[] {
  if (host.kind !== "inet") return [undefined];
  const relation = relations[predicate.relation]!;
  const isEqual = predicate.relation === "=";
  if (!isEqual && host.prefix !== undefined) return [undefined];
  return [
    ...(host.prefix === undefined ? [] : [addressCondition(address, host.prefix)]),
    ...(host.port === ANY && isEqual ? [] : [{ sql: `${port} ${relation} ?`, values: [host.port] }]),
  ];
}

function conditionsOf(predicate: FilterPredicate): (Condition | undefined)[] {
  if (predicate.kind === "dst" || predicate.kind === "dport")
    return hostConditions(predicate, predicate.operand, ["peer", "peer_port"]);
  if (predicate.kind === "src" || predicate.kind === "sport")
    return hostConditions(predicate, predicate.operand, ["local", "local_port"]);
  return [undefined];
}

/**
 * The conditions that a filter implies.
 *
 * @returns also whether they say all that the filter says
 */
export function impliedConditions(filter: Filter | undefined): {
  readonly conditions: readonly Condition[];
  readonly whole: boolean;
} {
  const found: (Condition | undefined)[] = [];
  const todo = filter === undefined ? [] : [filter];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (node.kind === "and") todo.push(node.right, node.left);
    else if (isJoin(node) || node.kind === "not") found.push(undefined);
    else found.push(...conditionsOf(node));
  }
  const conditions = found.filter((each) => each !== undefined);
  const whole = conditions.length === found.length;
  // SQLite uses the index of ports only for a query that says that it is about the rows in it. Few connections have the
  // same peer, so that its index is the better one.
  if (!conditions.some(({ sql }) => sql.startsWith("peer IN ")) && conditions.some(isIndexedPort))
    conditions.push({ sql: `peer_port < ${INDEXED_PORTS}`, values: [] });
  return { conditions, whole };
}
