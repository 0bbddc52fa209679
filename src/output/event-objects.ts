/** Formats an event as a JSON object: one row a key, from which its schema is made, too. */

import { type Owner, processName } from "../enrich/processes.ts";
import { eventKinds, type SocketEvent } from "../events/event.ts";
import { NO_DESCRIPTOR, NO_PID } from "../events/owners.ts";
import { inetColumns } from "../families/inet/fields.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { type Column, describer, stateWords } from "../fields/column.ts";
import type { NameSource } from "../fields/names.ts";
import type { Json } from "../model/json.ts";
import { stateName } from "../model/state.ts";

const decoder = new TextDecoder();

const US_PER_MS = 1000;

/** ISO 8601 in UTC, to the microsecond. */
function isoTime(timeMs: number): string {
  const us = Math.floor(timeMs * US_PER_MS);
  const fraction = String(us % US_PER_MS).padStart(3, "0");
  return `${new Date(Math.floor(us / US_PER_MS)).toISOString().slice(0, -1)}${fraction}Z`;
}

function stateText(state: number | undefined): string | undefined {
  return state === undefined ? undefined : stateName(state);
}

function ownerObject({ pid, fd, stat }: Owner): Json {
  const comm = decoder.decode(processName(stat));
  return { ...(pid === NO_PID ? {} : { pid }), ...(fd === NO_DESCRIPTOR ? {} : { fd }), comm };
}

/** What of an event comes before its socket. */
const headColumns: readonly Column<SocketEvent>[] = [
  {
    key: "time",
    type: "string",
    doc: "when it happened, ISO 8601 in UTC",
    read: (event) => isoTime(event.timeMs),
  },
  {
    key: "event",
    type: "string",
    words: Object.keys(eventKinds),
    doc: "the kind of event",
    read: ({ kind }) => kind,
  },
  { key: "source", type: "string", doc: "the source that saw it", read: ({ source }) => source },
  {
    key: "oldState",
    type: "string",
    words: stateWords,
    kernel: "TCP_*",
    doc: "the state before, if it is known",
    read: ({ oldState }) => stateText(oldState),
  },
  {
    key: "newState",
    type: "string",
    words: stateWords,
    kernel: "TCP_*",
    doc: "the state from now on",
    read: ({ newState }) => stateText(newState),
  },
];

/** What of an event comes behind its socket. */
const tailColumns: readonly Column<SocketEvent>[] = [
  {
    key: "processes",
    type: "array",
    items: [
      { key: "pid", type: "integer", doc: "process id; absent in a PID namespace", optional: true },
      { key: "fd", type: "integer", doc: "file descriptor, if it is known", optional: true },
      { key: "comm", type: "string", doc: "name of the process" },
    ],
    doc: "the processes that have, or had, the socket open",
    read: ({ owners }) => owners?.map(ownerObject),
  },
  {
    key: "reason",
    type: "string",
    doc: "of failed: refused, timed out, unreachable, reset, aborted, abandoned, or the error in words",
    read: ({ failure }) => failure?.reason,
  },
  {
    key: "synsSent",
    type: "integer",
    doc: "of failed: SYNs sent, with retransmissions",
    read: ({ failure }) => failure?.syns,
  },
  {
    key: "durationMs",
    type: "number",
    unit: "ms",
    doc: "of close: since the socket was opened or first seen; of failed: since connect(2); of flow-end: since flow",
    read: ({ durationMs }) =>
      durationMs === undefined ? undefined : Math.round(durationMs * US_PER_MS) / US_PER_MS,
  },
  {
    key: "count",
    type: "integer",
    doc: "of lost: how many events, if the kernel counts them",
    read: ({ count }) => count,
  },
  {
    key: "packetsSent",
    type: "integer",
    doc: "of flow-end: packets from the local end",
    read: ({ counters }) => counters?.packetsSent,
  },
  {
    key: "bytesSent",
    type: "integer",
    unit: "bytes",
    doc: "of flow-end: bytes from the local end",
    read: ({ counters }) => counters?.bytesSent,
  },
  {
    key: "packetsReceived",
    type: "integer",
    doc: "of flow-end: packets to the local end",
    read: ({ counters }) => counters?.packetsReceived,
  },
  {
    key: "bytesReceived",
    type: "integer",
    unit: "bytes",
    doc: "of flow-end: bytes to the local end",
    read: ({ counters }) => counters?.bytesReceived,
  },
  {
    key: "netns.name",
    type: "string",
    doc: "with --all-netns: name of the network namespace, as ip netns knows it",
    read: ({ netns }) => netns?.name,
  },
  {
    key: "netns.pid",
    type: "integer",
    doc: "with --all-netns: lowest process id in the network namespace",
    read: ({ netns }) => netns?.pid,
  },
  {
    key: "netns.inode",
    type: "integer",
    doc: "with --all-netns: inode of the network namespace",
    read: ({ netns }) => netns?.inode,
  },
];

/** The columns of sockets in events, in the order of the JSON. */
const SHOWN =
  /^(netid|family|(local|peer)\.(address|port|service|interface)|uid|inode|cookie|mark|cgroupId)$/;
/** What `close` has as well. */
const SHOWN_AT_END = /^tcpInfo\./;

/** The columns of sockets in events. */
function socketColumns(names: NameSource): { brief: Column<InetSocket>[]; atEnd: Column<InetSocket>[] } {
  const columns = inetColumns(names);
  return {
    brief: columns.filter(({ key }) => SHOWN.test(key)),
    atEnd: columns.filter(({ key }) => SHOWN_AT_END.test(key)),
  };
}

/** All keys of events, as columns. */
export function eventColumns(names: NameSource): readonly Column<never>[] {
  const { brief, atEnd } = socketColumns(names);
  return [...headColumns, ...brief, ...atEnd, ...tailColumns] as readonly Column<never>[];
}

/** Makes the formatter of JSON objects. */
export function eventObjects(names: NameSource): (event: SocketEvent) => { readonly [key: string]: Json } {
  const { brief, atEnd } = socketColumns(names);
  // A destroy event has neither user nor inode, unless they were known before.
  const known = brief.map((column) =>
    column.key === "uid" || column.key === "inode"
      ? { ...column, read: (socket: InetSocket) => (socket.inode === 0 ? undefined : column.read(socket)) }
      : column,
  );
  const describeHead = describer(headColumns);
  const describeTail = describer(tailColumns);
  const describeSocket = describer(known);
  const describeWhole = describer([...known, ...atEnd]);
  return (event) => ({
    ...describeHead(event),
    ...(event.socket && (event.kind === "close" ? describeWhole : describeSocket)(event.socket)),
    ...describeTail(event),
  });
}

/** The first line of JSON: which sources are used, and what is missing without the others. */
export function sourcesObject(sources: Json): { readonly [key: string]: Json } {
  return { time: isoTime(Date.now()), event: "sources", sources };
}
