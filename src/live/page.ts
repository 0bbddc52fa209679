/** Chooses the rows to show. Only these become text. */
import { type LiveColumn, listens, socketColumns } from "./columns.ts";
import { type Group, type GroupBy, groupKey, groupsOf, type SlotTest } from "./groups.ts";
import type { Holders } from "./owners.ts";
import { smallest } from "./smallest.ts";
import type { SocketTable } from "./table.ts";

/** An order of rows. */
export interface Sort {
  /** Key of a column. */
  readonly column: string;
  /** Largest first. Unknown values come last in both directions. */
  readonly descending: boolean;
}

/** Which rows to show. */
export interface PageRequest {
  readonly sort: Sort;
  /** Show groups instead of sockets. */
  readonly by?: GroupBy | undefined;
  /** Only the sockets that have this text in their process, container, addresses or ports; case does not matter. */
  readonly text?: string | undefined;
  /** Only the sockets of this group. */
  readonly within?: { readonly by: GroupBy; readonly key: string } | undefined;
  /** Key of the chosen row; it is among the shown rows if it exists. */
  readonly chosen?: string | undefined;
  /** How many rows to move the choice down; if no row is chosen, from the first or last shown row. */
  readonly step?: number;
  /** Where on the page the chosen row stays if it is not moved by a step, so that rows move around it. */
  readonly at?: number | undefined;
  /** The first row, from 0. */
  readonly first: number;
  /** How many rows. */
  readonly count: number;
}

/** A row; an unknown value is undefined. */
export interface Row {
  /** Unique key of the row. */
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
  /** Number of the first shown row, from 0. */
  readonly first: number;
  readonly rows: readonly Row[];
  /** Where the chosen row is among the shown rows. */
  readonly chosen: number | undefined;
}

type Compare<T> = (a: T, b: T) => number;

/** Compares numbers; unknown ones come last. */
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

/** Compares texts; items without a text come last. */
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

/** Compares sockets by one end: by address, then by port, without making text of them. */
export function byEnd(table: SocketTable, end: "local" | "peer", descending: boolean): Compare<number> {
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

/** Whether a socket has a text in its process, container, addresses or ports. */
function hasText(table: SocketTable, holders: Holders, text: string): SlotTest {
  const wanted = text.toLowerCase();
  const has = (value: string | undefined) => value?.toLowerCase().includes(wanted) ?? false;
  const byPid = new Map<number, boolean>();
  return (slot) => {
    const pid = table.process[slot]!;
    let found = byPid.get(pid);
    if (found === undefined) {
      found = has(holders.label(pid)) || has(holders.container(pid));
      byPid.set(pid, found);
    }
    return found || has(table.local(slot)) || has(table.peer(slot));
  };
}

/** The test for the sockets that a request selects; undefined for all. */
function wantedSlots(
  table: SocketTable,
  holders: Holders,
  { within, text }: Pick<PageRequest, "within" | "text">,
): SlotTest | undefined {
  const matches = text === undefined || text === "" ? undefined : hasText(table, holders, text);
  if (within === undefined) return matches;
  return (slot) =>
    groupKey(within.by, table, slot, holders) === within.key && (matches === undefined || matches(slot));
}

/** The slots of the selected sockets. */
function* slotsOf(table: SocketTable, isWanted: SlotTest | undefined): Generator<number> {
  for (let slot = 0; slot < table.end; slot++)
    if (table.isLive(slot) && (isWanted?.(slot) ?? true)) yield slot;
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

/** Moves a window of rows so that it contains the row of the given rank. @returns its first row */
function around(first: number, count: number, total: number, rank: number | undefined): number {
  let at = first;
  if (rank !== undefined && rank < at) at = rank;
  if (rank !== undefined && rank >= at + count) at = rank - count + 1;
  return Math.max(0, Math.min(at, total - count));
}

/** The rank of the row that is chosen after a step. @param rank of the row chosen before it, if there is one */
function stepped(rank: number | undefined, step: number, { first, count }: PageRequest): number | undefined {
  if (step === 0) return rank;
  if (rank !== undefined) return rank + step;
  return step > 0 ? first : first + count - 1;
}

/** The requested rows out of all items. @param rowOf makes the row of an item */
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
  const { count, step = 0, at } = request;
  const total = items.length;
  let rank = stepped(before, step, request);
  if (rank !== undefined) rank = Math.max(0, Math.min(total - 1, rank));
  const stays = rank !== undefined && step === 0 && at !== undefined;
  const first = around(stays ? rank! - at! : request.first, count, total, rank);
  const rows = smallest(items, first + count, compare)
    .slice(first)
    .map(rowOf);
  return { rows, first, total, chosen: rank === undefined || total === 0 ? undefined : rank - first };
}

/** The order of sockets. No two are equal: equal values keep the order of the slots, which does not change. */
function socketOrder(table: SocketTable, holders: Holders, sort: Sort): Compare<number> {
  const order = compareSockets(table, holders, sort);
  return (a, b) => order(a, b) || a - b;
}

/** The order of groups. No two are equal. */
function groupOrder(sort: Sort): Compare<Group> {
  const order = compareGroups(sort);
  return (a, b) => order(a, b) || (a.key < b.key ? -1 : Number(a.key > b.key));
}

/** The first slots in an order, for a caller that makes their rows one by one. */
export function slotsInOrder(table: SocketTable, holders: Holders, sort: Sort, count: number): number[] {
  return smallest(slotsOf(table, undefined), count, socketOrder(table, holders, sort));
}

/** The requested rows. */
export function pageOf(table: SocketTable, holders: Holders, request: PageRequest): Page {
  const { by, sort, chosen } = request;
  const isWanted = wantedSlots(table, holders, request);
  if (by !== undefined) {
    const groups = groupsOf(table, by, holders, isWanted);
    const group = groups.find(({ key }) => key === chosen);
    return pageFrom(groups, groupOrder(sort), request, group, groupRow);
  }
  const slots = [...slotsOf(table, isWanted)];
  const found = chosen === undefined ? undefined : table.slotOf(chosen);
  const slot = found !== undefined && slots.includes(found) ? found : undefined;
  const order = socketOrder(table, holders, sort);
  return pageFrom(slots, order, request, slot, (each) => socketRow(table, each, holders));
}
