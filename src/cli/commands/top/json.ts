/** A sample as JSON. */
import { hexIdentity } from "../../../fields/column.ts";
import { groupColumns, type LiveColumn, listens, socketColumns } from "../../../live/columns.ts";
import type { GroupBy } from "../../../live/groups.ts";
import { counterNames, metricKey, metrics } from "../../../live/metrics.ts";
import type { Holders } from "../../../live/owners.ts";
import { type Row, socketRow } from "../../../live/page.ts";
import type { Sample, SocketTable } from "../../../live/table.ts";
import { addressText } from "../../../model/address.ts";
import type { Json } from "../../../model/json.ts";
import { stateName } from "../../../model/state.ts";
import { UNKNOWN } from "./format.ts";
import type { PastFrame } from "./rewind.ts";

type Plain = { [key: string]: Json };

const ADDRESS = 16;

function end(table: SocketTable, slot: number, which: "local" | "peer"): Plain {
  if (!table.isInet(slot)) return { name: table[which](slot) };
  const at = (slot * 2 + (which === "local" ? 0 : 1)) * ADDRESS;
  const port = which === "local" ? table.localPort[slot]! : table.peerPort[slot]!;
  return { address: addressText(table.addresses, at, table.family[slot]!), port };
}

/** The numbers of a row that are known, by their keys. */
function numbersOf(row: Row, columns: readonly LiveColumn[]): Plain {
  const plain: Plain = {};
  for (const { key, json } of columns) {
    const value = row.values[key];
    if (json !== undefined && value !== undefined) plain[json] = value;
  }
  return plain;
}

function queues(table: SocketTable, slot: number): Plain {
  const keys = listens(table, slot) ? ["backlog", "maxBacklog"] : ["recvQueueBytes", "sendQueueBytes"];
  const values = [table.numbers.receiveQueue[slot]!, table.numbers.sendQueue[slot]!];
  return Object.fromEntries(
    keys.map((key, index) => [key, values[index]!]).filter(([, value]) => !Number.isNaN(value)),
  );
}

/** A socket as JSON: its identity, its counters, and how they change. */
export function socketJson(table: SocketTable, slot: number, holders: Holders): Plain {
  const { netid = "", state = "", ...numbers } = numbersOf(socketRow(table, slot, holders), socketColumns);
  const cookie = table.cookie(slot);
  const pid = table.process[slot]!;
  const comm = holders.name(pid);
  const container = holders.container(pid);
  const netns = table.netns(slot);
  const interval = table.interval[slot]!;
  const plain: Plain = {
    netid,
    state,
    ...queues(table, slot),
    local: end(table, slot, "local"),
    peer: end(table, slot, "peer"),
    inode: table.inode[slot]!,
  };
  if (cookie > 0) plain["cookie"] = hexIdentity(BigInt(cookie));
  for (const name of counterNames) {
    const value = table.numbers[name][slot]!;
    if (!Number.isNaN(value)) plain[metricKey(name)] = value;
  }
  if (!Number.isNaN(interval)) plain["intervalMs"] = interval;
  Object.assign(plain, numbers);
  if (pid !== 0) plain["process"] = { pid, ...(comm === undefined ? {} : { comm }) };
  if (container !== undefined) plain["container"] = container;
  if (netns !== undefined) {
    const { name, pid, inode } = netns;
    plain["netns"] = {
      ...(name === undefined ? {} : { name }),
      ...(pid === undefined ? {} : { pid }),
      inode,
    };
  }
  return plain;
}

/** The values that the sockets of a group share, with the keys of a socket's object; empty if unknown. */
function commonJson(by: GroupBy, { key, values }: Row, holders: Holders): Plain {
  const label = `${values["group"]}`;
  if (by === "process") {
    const pid = Number(key);
    const comm = holders.name(pid);
    return pid === 0 ? {} : { process: { pid, ...(comm === undefined ? {} : { comm }) } };
  }
  if (label === UNKNOWN) return {};
  return { [by]: by === "port" || by === "dport" ? Number(key) : label };
}

/** A group as JSON. */
export function groupJson(by: GroupBy, row: Row, holders: Holders): Plain {
  const queueKeys = { recvq: "recvQueueBytes", sendq: "sendQueueBytes" } as const;
  const plain: Plain = { ...commonJson(by, row, holders), ...numbersOf(row, groupColumns) };
  for (const [column, key] of Object.entries(queueKeys)) {
    const value = row.values[column];
    if (value !== undefined) plain[key] = value;
  }
  return plain;
}

/** The numbers of a sample as a whole, as JSON. @param time when it was taken, as ISO 8601 */
export function sampleJson(host: string, time: string, sample: Sample, notes: readonly string[]): Plain {
  const { intervalMs, sockets, opened, closed, states, totals } = sample;
  const plain: Plain = { time, host };
  if (intervalMs !== undefined) plain["intervalMs"] = intervalMs;
  plain["count"] = sockets;
  if (intervalMs !== undefined) Object.assign(plain, { opened, closed });
  plain["states"] = Object.fromEntries(
    states.flatMap((count, number) => (count === 0 ? [] : [[stateName(number), count]])),
  );
  for (const name of counterNames) {
    const value = totals[`${name}Rate`];
    const { json }: { readonly json?: string | undefined } = metrics[name].shown;
    if (value !== undefined && json !== undefined) plain[json] = value;
  }
  if (notes.length > 0) plain["notes"] = [...notes];
  return plain;
}

/** How completely a stop in the past was recorded, as JSON. A gap has no end where no samples follow. */
export function coverageJson({ everyMs, coverage: { limits, notes }, gap }: PastFrame): Plain {
  const time = (ms: number) => new Date(ms).toISOString();
  const plain: Plain = { sampleEveryMs: everyMs };
  if (limits !== "") plain["limits"] = limits;
  if (gap !== undefined) {
    const { fromMs, untilMs } = gap;
    plain["gap"] = {
      ...(fromMs === undefined ? {} : { from: time(fromMs) }),
      ...(untilMs === undefined ? {} : { until: time(untilMs) }),
    };
  }
  plain["notes"] = (gap ?? { notes }).notes.map(({ kind, fromMs, untilMs, count, detail }) => ({
    kind,
    from: time(fromMs),
    until: time(untilMs),
    ...(count === undefined ? {} : { count }),
    ...(detail === undefined ? {} : { detail }),
  }));
  return plain;
}
