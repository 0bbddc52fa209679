/** A sample for programs. */
import { hexIdentity } from "../../../fields/column.ts";
import { groupColumns, type LiveColumn, listens, socketColumns } from "../../../live/columns.ts";
import type { CounterName } from "../../../live/counters.ts";
import type { Holders } from "../../../live/owners.ts";
import { type Row, socketRow } from "../../../live/page.ts";
import type { RateName, Sample, SocketTable } from "../../../live/table.ts";
import { addressText } from "../../../model/address.ts";
import type { Json } from "../../../model/json.ts";
import { stateName } from "../../../model/state.ts";

type Plain = { [key: string]: Json };

/** The counters of a socket by their keys, which are those of `--json` where that has them, too. */
const counterKeys: Readonly<Partial<Record<CounterName, string>>> = {
  received: "bytesReceived",
  acked: "bytesAcked",
  retransmitted: "totalRetrans",
  dropped: "drops",
};

/** The sums of a sample by their keys. */
const totalKeys: Readonly<Record<RateName, string>> = {
  receivedRate: "receivedBytesPerSecond",
  ackedRate: "ackedBytesPerSecond",
  retransmitRate: "retransmitsPerSecond",
  dropRate: "dropsPerSecond",
};

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

/** A socket for programs: who it is, its counters, and how they change. */
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
  for (const [name, key] of Object.entries(counterKeys)) {
    const value = table.numbers[name as CounterName][slot]!;
    if (!Number.isNaN(value)) plain[key] = value;
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

/** A group for programs. */
export function groupJson(by: string, row: Row): Plain {
  const queueKeys = { recvq: "recvQueueBytes", sendq: "sendQueueBytes" } as const;
  const plain: Plain = { [by]: row.values["group"] ?? "", ...numbersOf(row, groupColumns) };
  for (const [column, key] of Object.entries(queueKeys)) {
    const value = row.values[column];
    if (value !== undefined) plain[key] = value;
  }
  return plain;
}

/** What a sample holds in all, for programs. @param time when it was taken, as ISO 8601 */
export function sampleJson(host: string, time: string, sample: Sample, notes: readonly string[]): Plain {
  const { intervalMs, sockets, opened, closed, states, totals } = sample;
  const plain: Plain = { time, host };
  if (intervalMs !== undefined) plain["intervalMs"] = intervalMs;
  Object.assign(plain, { count: sockets, opened, closed });
  plain["states"] = Object.fromEntries(
    states.flatMap((count, number) => (count === 0 ? [] : [[stateName(number), count]])),
  );
  for (const [name, key] of Object.entries(totalKeys)) {
    const value = totals[name as RateName];
    if (value !== undefined) plain[key] = value;
  }
  if (notes.length > 0) plain["notes"] = [...notes];
  return plain;
}
