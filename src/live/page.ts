/** The rows that are shown, of all that there are: only of these text is made. */
import { type LiveColumn, listens, socketColumns } from "./columns.ts";
import { type Group, type GroupBy, groupKey, groupsOf } from "./groups.ts";
import type { Holders } from "./owners.ts";
import { smallest } from "./smallest.ts";
import type { SocketTable } from "./table.ts";

/** An order of rows. */
export interface Sort {
  /** Key of a column. */
  readonly column: string;
  /** Largest first. What is not known comes last, either way. */
  readonly descending: boolean;
}

/** Which rows are asked for. */
export interface PageRequest {
  readonly sort: Sort;
  /** Groups in the place of sockets. */
  readonly by?: GroupBy | undefined;
  /** Only the sockets of this group. */
  readonly within?: { readonly by: GroupBy; readonly key: string } | undefined;
  /** Key of the chosen row, which is among those shown if it is there. */
  readonly chosen?: string | undefined;
  /** How many rows further down another one is chosen; without a chosen one, from the first or last of those shown. */
  readonly step?: number;
  /** The first row, from 0. */
  readonly first: number;
  /** How many rows. */
  readonly count: number;
}

/** A row; what is not known is undefined. */
export interface Row {
  /** Tells it from all others. */
  readonly key: string;
  /** By the keys of columns. */
  readonly values: { readonly [column: string]: string | number | undefined };
  /** Whether the queues count connections. */
  readonly listens?: boolean;
}

/** The rows that are shown. */
export interface Page {
  /** How many rows there are in all. */
  readonly total: number;
  /** Which is the first of those shown, from 0. */
  readonly first: number;
  readonly rows: readonly Row[];
  /** Where the chosen row is among those shown. */
  readonly chosen: number | undefined;
}

type Compare<T> = (a: T, b: T) => number;

/** The order of numbers, with what is not known at the end. */
function byNumber<T>(value: (item: T) => number, descending: boolean): Compare<T> {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const left = value(a);
    const right = value(b);
    // A comparison with NaN is false.
    if (left < right) return -sign;
    if (left > right) return sign;
    if (left === right) return 0;
    return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
  };
}

/** The order of texts, with what is not there at the end. */
function byText<T>(value: (item: T) => string | undefined, descending: boolean): Compare<T> {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const left = value(a);
    const right = value(b);
    if (left === right) return 0;
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    return left < right ? -sign : sign;
  };
}

const ADDRESS = 16;

/** The order of one end of sockets: by address, then by port; without making text of them. */
function byEnd(table: SocketTable, end: "local" | "peer", descending: boolean): Compare<number> {
  const sign = descending ? -1 : 1;
  const { addresses, family } = table;
  const ports = end === "local" ? table.localPort : table.peerPort;
  const offset = end === "local" ? 0 : ADDRESS;
  const text = byText<number>((slot) => table[end](slot), descending);
  return (a, b) => {
    if (!table.isInet(a) || !table.isInet(b)) return text(a, b);
    let difference = family[a]! - family[b]!;
    for (let at = offset; difference === 0 && at < offset + ADDRESS; at += 4)
      difference = addresses.getUint32(a * 2 * ADDRESS + at) - addresses.getUint32(b * 2 * ADDRESS + at);
    return sign * (difference || ports[a]! - ports[b]!);
  };
}

function compareSockets(table: SocketTable, holders: Holders, { column, descending }: Sort): Compare<number> {
  const found: LiveColumn | undefined = socketColumns.find(({ key }) => key === column);
  const { number, text } = found ?? {};
  if (column === "local" || column === "peer") return byEnd(table, column, descending);
  if (number !== undefined) {
    const values = table.numbers[number];
    return byNumber((slot) => values[slot]!, descending);
  }
  return byText((slot) => text?.(table, slot, holders), descending);
}

function compareGroups({ column, descending }: Sort): Compare<Group> {
  if (column === "sockets") return byNumber(({ sockets }) => sockets, descending);
  if (column === "group") return byText(({ label }) => label, descending);
  return byNumber(({ sums }) => sums[column] ?? Number.NaN, descending);
}

/** The slots of sockets, or of those of one group. */
function* slotsOf(table: SocketTable, holders: Holders, within: PageRequest["within"]): Generator<number> {
  for (let slot = 0; slot < table.end; slot++)
    if (table.isLive(slot) && (!within || groupKey(within.by, table, slot, holders) === within.key))
      yield slot;
}

/** The row of a socket. */
export function socketRow(table: SocketTable, slot: number, holders: Holders): Row {
  const values: { [column: string]: string | number | undefined } = {};
  for (const column of socketColumns as readonly LiveColumn[]) {
    if (column.number === undefined) {
      values[column.key] = column.text?.(table, slot, holders);
      continue;
    }
    const number = table.numbers[column.number][slot]!;
    values[column.key] = Number.isNaN(number) ? undefined : number;
  }
  return { key: table.key(slot), values, listens: listens(table, slot) };
}

function groupRow({ key, label, sockets, sums }: Group): Row {
  return { key, values: { ...sums, group: label, sockets } };
}

/** Where the window must begin so that a row is in it. */
function around(first: number, count: number, total: number, rank: number | undefined): number {
  let at = first;
  if (rank !== undefined && rank < at) at = rank;
  if (rank !== undefined && rank >= at + count) at = rank - count + 1;
  return Math.max(0, Math.min(at, total - count));
}

/** The rank of the row that is chosen after a step. @param rank of the one that was chosen before, if it is there */
function stepped(rank: number | undefined, step: number, { first, count }: PageRequest): number | undefined {
  if (step === 0) return rank;
  if (rank !== undefined) return rank + step;
  return step > 0 ? first : first + count - 1;
}

/** The rows that are asked for, out of all items. @param rowOf makes the row of an item that is shown */
function pageFrom<T>(
  items: readonly T[],
  compare: Compare<T>,
  request: PageRequest,
  chosen: T | undefined,
  rowOf: (item: T) => Row,
): Page {
  let before: number | undefined;
  if (chosen !== undefined) {
    before = 0;
    for (const item of items) if (compare(item, chosen) < 0) before++;
  }
  const { count, step = 0 } = request;
  const total = items.length;
  let rank = stepped(before, step, request);
  if (rank !== undefined) rank = Math.max(0, Math.min(total - 1, rank));
  const first = around(request.first, count, total, rank);
  const rows = smallest(items, first + count, compare)
    .slice(first)
    .map(rowOf);
  return { rows, first, total, chosen: rank === undefined || total === 0 ? undefined : rank - first };
}

/** The order of sockets in which no two are equal. */
function socketOrder(table: SocketTable, holders: Holders, sort: Sort): Compare<number> {
  const order = compareSockets(table, holders, sort);
  return (a, b) => order(a, b) || a - b;
}

/** The order of groups in which no two are equal. */
function groupOrder(sort: Sort): Compare<Group> {
  const order = compareGroups(sort);
  return (a, b) => order(a, b) || (a.key < b.key ? -1 : Number(a.key > b.key));
}

/** The first slots in an order, for those who make rows of them one by one. */
export function slotsInOrder(table: SocketTable, holders: Holders, sort: Sort, count: number): number[] {
  return smallest(slotsOf(table, holders, undefined), count, socketOrder(table, holders, sort));
}

/** The rows that are asked for. */
export function pageOf(table: SocketTable, holders: Holders, request: PageRequest): Page {
  const { by, within, sort, chosen } = request;
  if (by !== undefined) {
    const groups = groupsOf(table, by, holders);
    const group = groups.find(({ key }) => key === chosen);
    return pageFrom(groups, groupOrder(sort), request, group, groupRow);
  }
  const slots = [...slotsOf(table, holders, within)];
  const found = chosen === undefined ? undefined : table.slotOf(chosen);
  const slot = found !== undefined && slots.includes(found) ? found : undefined;
  const order = socketOrder(table, holders, sort);
  return pageFrom(slots, order, request, slot, (each) => socketRow(table, each, holders));
}
