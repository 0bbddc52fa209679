/** The columns that begin the plain objects of the families other than inet. */

import type { Origin } from "../diag/message.ts";
import { SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_STREAM } from "../model/family.ts";
import { SS_CLOSE, SS_LISTEN, stateName } from "../model/state.ts";
import { type Column, factOf, stateWords } from "./column.ts";
import type { NameSource } from "./names.ts";

const types = new Map([
  [SOCK_STREAM, "stream"],
  [SOCK_DGRAM, "dgram"],
  [SOCK_RAW, "raw"],
  [SOCK_RDM, "rdm"],
  [SOCK_SEQPACKET, "seqpacket"],
]);

/**
 * What family a socket is of.
 *
 * @param netid the socket table
 * @param family the word that `-f` takes
 */
export function familyColumns(netid: string, family: string): readonly Column<unknown>[] {
  return [
    { key: "netid", ss: "Netid", type: "string", words: [netid], doc: "the socket table", read: () => netid },
    { key: "family", type: "string", words: [family], doc: "address family", read: () => family },
  ];
}

/** A row of a layout or of a table of attributes that a column is read from. */
type Row = Parameters<typeof factOf>[0];

/** The type of a socket. @param row the field that has it */
export function typeColumn(row: Row): Column<{ readonly type: number | undefined }> {
  return {
    key: "type",
    type: "string",
    words: [...types.values()],
    ...factOf(row),
    doc: "socket type",
    // 0 is no type: /proc/net/netlink has none.
    read: ({ type }) => (type ? (types.get(type) ?? `unknown(${type})`) : undefined),
  };
}

/** The state of a socket. @param row the field that has it */
export function stateColumn(row: Row): Column<{ readonly stateNumber: number | undefined }> {
  return {
    key: "state",
    ss: "State",
    type: "string",
    words: stateWords,
    ...factOf(row),
    doc: "state of the connection",
    read: ({ stateNumber }) => (stateNumber === undefined ? undefined : stateName(stateNumber)),
  };
}

/** The state of sockets of a family without states: ss selects and shows them as closed ones. */
export const closedColumn: Column<unknown> = {
  key: "state",
  ss: "State",
  type: "string",
  words: [stateName(SS_CLOSE)],
  doc: "always this: these sockets have no states",
  read: () => stateName(SS_CLOSE),
};

/** A socket whose queues mean one thing for a listener and another for all others. */
interface Queues {
  readonly stateNumber: number;
  readonly rqueue: number | undefined;
  readonly wqueue: number | undefined;
  /** Set for a socket from /proc, which always has 0 in place of the limit of a listener's queue. */
  readonly procfs?: object;
}

function listens({ stateNumber }: Queues): boolean {
  return stateNumber === SS_LISTEN;
}

/**
 * The queues of a socket that can listen.
 *
 * @param receive the kernel's name for the receive queue
 * @param send the kernel's name for the send queue
 * @param sent what waits in the send queue of a connection
 */
export function queueColumns(receive: string, send: string, sent: string): readonly Column<Queues>[] {
  return [
    {
      key: "recvQueueBytes",
      ss: "Recv-Q",
      type: "integer",
      unit: "bytes",
      kernel: receive,
      metric: "gauge",
      doc: "received and not yet read by the application",
      read: (socket) => (listens(socket) ? undefined : socket.rqueue),
    },
    {
      key: "sendQueueBytes",
      ss: "Send-Q",
      type: "integer",
      unit: "bytes",
      kernel: send,
      metric: "gauge",
      doc: sent,
      read: (socket) => (listens(socket) ? undefined : socket.wqueue),
    },
    {
      key: "backlog",
      ss: "Recv-Q",
      type: "integer",
      unit: "connections",
      kernel: receive,
      metric: "gauge",
      doc: "connections of a listener that wait to be accepted",
      read: (socket) => (listens(socket) ? socket.rqueue : undefined),
    },
    {
      key: "maxBacklog",
      ss: "Send-Q",
      type: "integer",
      unit: "connections",
      kernel: send,
      metric: "gauge",
      doc: "connections that may wait, the backlog of listen(2)",
      read: (socket) => (listens(socket) && socket.procfs === undefined ? socket.wqueue : undefined),
    },
  ];
}

/** The queue of a socket that receives packets. */
export const packetQueueColumn: Column<{ readonly rqueue: number | undefined }> = {
  key: "recvQueueBytes",
  ss: "Recv-Q",
  type: "integer",
  unit: "bytes",
  metric: "gauge",
  kernel: "SK_MEMINFO_RMEM_ALLOC",
  doc: "held by packets that the application has not read yet",
  read: ({ rqueue }) => rqueue,
};

const decoder = new TextDecoder();

/** The interface that a socket is bound to. @param kernel the kernel's name for its index */
export function boundInterfaceColumns(
  names: NameSource,
  kernel: string,
): readonly Column<{ readonly interfaceIndex: number | undefined; readonly origin: Origin }>[] {
  return [
    {
      key: "local.interface",
      type: "string",
      kernel,
      doc: "the interface that it is bound to; absent for none",
      read: ({ interfaceIndex, origin }) => {
        const name = interfaceIndex ? names.interface(interfaceIndex, origin.netns) : undefined;
        return name && decoder.decode(name);
      },
    },
    {
      key: "local.interfaceIndex",
      type: "integer",
      kernel,
      doc: "index of that interface",
      read: ({ interfaceIndex }) => interfaceIndex || undefined,
    },
  ];
}
