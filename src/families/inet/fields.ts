/** The columns of inet sockets. */

import { type Fields, readField } from "../../bytes/layout.ts";
import { inetMemInfo, skMemInfo } from "../../diag/memory.ts";
import {
  type Column,
  cookieText,
  factOf,
  hexIdentity,
  stateWords,
  structColumns,
} from "../../fields/column.ts";
import { queueColumns } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { peerProcessesColumn, processesColumn } from "../../fields/processes.ts";
import { addressText } from "../../model/address.ts";
import { AF_INET, AF_INET6 } from "../../model/family.ts";
import { type InetTable, inetTables } from "../../model/inet-tables.ts";
import { limits } from "../../model/limits.ts";
import { bbrInfo, dctcpInfo, vegasInfo } from "./layouts/congestion.ts";
import { inetAttributes, inetDiagMessage } from "./layouts/inet-diag.ts";
import { mptcpInfo } from "./layouts/mptcp-info.ts";
import { INET_DIAG_PAST, INET_PAST_SIZE, inetPast, pastCounters } from "./layouts/past.ts";
import { type SocketAddress, sctpInfo, sctpStates } from "./layouts/sctp-info.ts";
import { inetSockopt } from "./layouts/sockopt.ts";
import { tcpInfo } from "./layouts/tcp-info.ts";
import type { InetSocket } from "./socket.ts";
import { ulpColumns } from "./ulp-fields.ts";

const decoder = new TextDecoder();
/** The latest time that a Date can be. */
const LAST_DATE_MS = 8.64e15;

/** The addresses of a list, without those of an unknown family. */
function addressTexts(addresses: readonly SocketAddress[] | undefined): readonly string[] | undefined {
  return addresses
    ?.filter(({ family }) => family === AF_INET || family === AF_INET6)
    .map(({ data, addressOffset, family }) => addressText(data, addressOffset, family));
}

/** Name of the inet table by IP protocol; a raw socket's protocol does not determine its table. */
const tableNames = new Map<number, InetTable>(
  Object.entries(inetTables).map(([name, protocol]) => [protocol, name as InetTable]),
);

/** The table that a socket was listed in. */
function tableOf(socket: InetSocket): string {
  return tableNames.get(socket.origin.protocol) ?? "unknown";
}

/** What the store adds to a connection of the past; undefined for others. */
function pastOf(socket: InetSocket) {
  const payload = socket.attribute(INET_DIAG_PAST);
  if (payload === 0 || socket.attributeLength(payload) < INET_PAST_SIZE) return undefined;
  const time = (field: (typeof inetPast)["openedMs" | "closedMs"]) =>
    Number(readField(field, socket.data, payload)) || undefined;
  const reason = socket.attributeBytes(INET_DIAG_PAST)!.subarray(INET_PAST_SIZE);
  return {
    openedMs: time(inetPast.openedMs),
    closedMs: time(inetPast.closedMs),
    reason: decoder.decode(reason),
  };
}

/** A time as ISO 8601 in UTC; undefined for one that no date can be. */
function isoTime(ms: number | undefined): string | undefined {
  return ms === undefined || ms > LAST_DATE_MS ? undefined : new Date(ms).toISOString();
}

/** Whether a socket is a connection of the past that ended. */
function hasEnded(socket: InetSocket): boolean {
  const payload = socket.attribute(INET_DIAG_PAST);
  if (payload === 0 || socket.attributeLength(payload) < INET_PAST_SIZE) return false;
  return readField(inetPast.closedMs, socket.data, payload) !== 0;
}

/** struct tcp_info of a connection that ended: only the counters that are kept of it. */
class KeptInfo {
  readonly info: Partial<Fields<typeof tcpInfo>>;

  constructor(info: Partial<Fields<typeof tcpInfo>>) {
    this.info = info;
  }
}
for (const name of pastCounters)
  Object.defineProperty(KeptInfo.prototype, name, {
    get(this: KeptInfo) {
      return this.info[name];
    },
  });

/** struct tcp_info, as far as it is known. */
function infoOf(socket: InetSocket): Partial<Fields<typeof tcpInfo>> | undefined {
  const info = socket.tcpInfo ?? socket.procfs?.tcp?.info;
  if (info === undefined || !hasEnded(socket)) return info;
  return new KeptInfo(info) as Partial<Fields<typeof tcpInfo>>;
}

/** The columns of connections of the past. */
const pastColumns: readonly Column<InetSocket>[] = [
  {
    key: "opened",
    type: "string",
    demand: "past",
    doc: "when the connection was opened, if the recorder saw it",
    read: (socket) => isoTime(pastOf(socket)?.openedMs),
  },
  {
    key: "closed",
    type: "string",
    demand: "past",
    doc: "when the connection ended; absent while it was open",
    read: (socket) => isoTime(pastOf(socket)?.closedMs),
  },
  {
    key: "durationMs",
    type: "integer",
    unit: "ms",
    metric: "gauge",
    demand: "past",
    doc: "how long the connection lived",
    read: (socket) => {
      const { openedMs, closedMs } = pastOf(socket) ?? {};
      return openedMs === undefined || closedMs === undefined ? undefined : closedMs - openedMs;
    },
  },
  {
    key: "reason",
    type: "string",
    demand: "past",
    doc: "why the connection ended, if it failed or was reset",
    read: (socket) => pastOf(socket)?.reason || undefined,
  },
];

/** The columns of inet sockets, in the order of their JSON. */
export function inetColumns(names: NameSource): readonly Column<InetSocket>[] {
  const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : decoder.decode(bytes));
  return [
    {
      key: "netid",
      ss: "Netid",
      type: "string",
      words: Object.keys(inetTables),
      doc: "the socket table",
      read: tableOf,
    },
    {
      key: "family",
      type: "string",
      words: ["inet", "inet6"],
      ...factOf(inetDiagMessage.familyNumber),
      read: ({ family }) => family,
    },
    {
      key: "protocol",
      type: "integer",
      kernel: inetAttributes.protocol.kernel,
      doc: inetAttributes.protocol.doc,
      read: ({ protocol }) => protocol,
    },
    {
      key: "state",
      ss: "State",
      type: "string",
      words: [...new Set([...stateWords, ...sctpStates])],
      ...factOf(inetDiagMessage.stateNumber),
      read: ({ state }) => state,
    },
    ...queueColumns(
      inetDiagMessage.rqueue.kernel,
      inetDiagMessage.wqueue.kernel,
      "written and not yet acknowledged by the peer",
    ),
    {
      key: "local.address",
      ss: "Local Address:",
      type: "string",
      ...factOf(inetDiagMessage.source),
      read: ({ src }) => src,
    },
    {
      key: "local.host",
      type: "string",
      demand: "hostNames",
      doc: "host name of the local address",
      read: ({ data, sourceOffset, addressLength }) => text(names.host(data, sourceOffset, addressLength)),
    },
    {
      key: "local.port",
      type: "integer",
      ...factOf(inetDiagMessage.sport),
      read: ({ sport }) => sport,
    },
    {
      key: "local.service",
      type: "string",
      doc: "service name of the local port; not with -n",
      read: ({ sport }) => text(names.service(sport)),
    },
    {
      key: "local.interface",
      type: "string",
      ...factOf(inetDiagMessage.interfaceIndex),
      read: ({ interfaceIndex, origin }) =>
        interfaceIndex === 0 ? undefined : text(names.interface(interfaceIndex, origin.netns)),
    },
    {
      key: "peer.address",
      ss: "Peer Address:",
      type: "string",
      ...factOf(inetDiagMessage.destination),
      read: ({ dst }) => dst,
    },
    {
      key: "peer.host",
      type: "string",
      demand: "hostNames",
      doc: "host name of the peer's address",
      read: ({ data, destinationOffset, addressLength }) =>
        text(names.host(data, destinationOffset, addressLength)),
    },
    {
      key: "peer.port",
      type: "integer",
      ...factOf(inetDiagMessage.dport),
      read: ({ dport }) => dport,
    },
    {
      key: "peer.service",
      type: "string",
      doc: "service name of the peer's port; not with -n",
      read: ({ dport }) => text(names.service(dport)),
    },
    peerProcessesColumn(names, "peers"),
    {
      key: "timer.name",
      ss: "timer:(",
      type: "string",
      ...factOf(inetDiagMessage.timerNumber),
      read: ({ timer }) => timer?.name,
    },
    {
      key: "timer.expiresMs",
      type: "integer",
      ...factOf(inetDiagMessage.expires),
      read: ({ timer }) => timer?.expiresMs,
    },
    {
      key: "timer.retransmits",
      type: "integer",
      ...factOf(inetDiagMessage.retransmits),
      read: ({ timer }) => timer?.retransmits,
    },
    {
      key: "uid",
      ss: "uid:",
      type: "integer",
      ...factOf(inetDiagMessage.uid),
      read: ({ uid }) => uid,
    },
    {
      key: "inode",
      ss: "ino:",
      type: "integer",
      ...factOf(inetDiagMessage.inode),
      read: (socket) => (hasEnded(socket) ? undefined : socket.inode),
    },
    {
      key: "cookie",
      ss: "sk:",
      type: "hex",
      ...factOf(inetDiagMessage.cookie),
      read: ({ cookie }) => cookieText(cookie),
    },
    {
      key: "pointer",
      type: "hex",
      doc: "the kernel's address of the socket, hashed: what /proc has in the place of a cookie",
      read: ({ procfs }) => (procfs?.pointer ? hexIdentity(procfs.pointer) : undefined),
    },
    {
      key: "mark",
      ss: "fwmark:0x",
      type: "integer",
      ...factOf(inetAttributes.mark),
      read: ({ mark }) => mark,
    },
    {
      key: "v6only",
      ss: "v6only:",
      type: "boolean",
      ...factOf(inetAttributes.skV6Only),
      read: ({ v6only }) => v6only,
    },
    {
      key: "shutdown.receive",
      type: "boolean",
      ...factOf(inetAttributes.shutdown),
      doc: "no more is received",
      read: ({ shutdown }) => shutdown?.receive,
    },
    {
      key: "shutdown.send",
      type: "boolean",
      ...factOf(inetAttributes.shutdown),
      doc: "no more is sent",
      read: ({ shutdown }) => shutdown?.send,
    },
    {
      key: "cgroupId",
      type: "hex",
      ...factOf(inetAttributes.cgroupId),
      read: ({ cgroupId }) => (cgroupId === undefined ? undefined : hexIdentity(cgroupId)),
    },
    {
      key: "cgroup",
      ss: "cgroup:",
      type: "string",
      demand: "cgroup",
      doc: "path of that cgroup",
      read: ({ cgroupId }) => (cgroupId === undefined ? undefined : text(names.cgroup(cgroupId))),
    },
    processesColumn(names),
    {
      key: "tos",
      ss: "tos:",
      type: "integer",
      ...factOf(inetAttributes.tos),
      demand: "tos",
      read: ({ tos }) => tos,
    },
    {
      key: "tclass",
      ss: "tclass:",
      type: "integer",
      ...factOf(inetAttributes.tclass),
      demand: "tos",
      read: ({ tclass }) => tclass,
    },
    {
      key: "classId",
      ss: "class_id:",
      type: "integer",
      ...factOf(inetAttributes.classId),
      demand: "tos",
      read: ({ classId }) => classId,
    },
    ...structColumns("sockopt", undefined, inetSockopt, (socket: InetSocket) => socket.sockopt),
    ...structColumns("memory", "memory", skMemInfo, (socket: InetSocket) => socket.memory),
    ...structColumns("legacyMemory", "memory", inetMemInfo, (socket: InetSocket) =>
      socket.memory === undefined ? socket.legacyMemory : undefined,
    ),
    {
      key: "congestion",
      type: "string",
      ...factOf(inetAttributes.congestion),
      demand: "info",
      read: ({ congestion }) => congestion,
    },
    ...structColumns("tcpInfo", "info", tcpInfo, infoOf),
    ...structColumns("vegasInfo", "info", vegasInfo, (socket: InetSocket) => socket.vegasInfo),
    ...structColumns("dctcpInfo", "info", dctcpInfo, (socket: InetSocket) => socket.dctcpInfo),
    ...structColumns("bbrInfo", "info", bbrInfo, (socket: InetSocket) => socket.bbrInfo),
    ...structColumns("mptcpInfo", "info", mptcpInfo, (socket: InetSocket) => socket.mptcpInfo),
    {
      key: "association",
      type: "boolean",
      doc: "an association of SCTP; false for the endpoint that associations of the same inode belong to",
      read: ({ association }) => association,
    },
    {
      key: "localAddresses",
      ss: "locals:",
      type: "array",
      items: "string",
      ...factOf(inetAttributes.locals),
      read: ({ locals }) => addressTexts(locals),
    },
    {
      key: "peerAddresses",
      ss: "peers:",
      type: "array",
      items: "string",
      ...factOf(inetAttributes.peers),
      read: ({ peers }) => addressTexts(peers),
    },
    ...structColumns("sctpInfo", "info", sctpInfo, (socket: InetSocket) => socket.sctpInfo),
    {
      key: "sctpInfo.primaryAddress",
      type: "string",
      kernel: "sctpi_p_address",
      demand: "info",
      doc: "primary path: the peer's address",
      read: ({ sctpInfo }) => {
        const primary = sctpInfo?.primaryAddress;
        return primary && addressTexts([primary])?.[0];
      },
    },
    ...ulpColumns(names, addressText),
    {
      key: "explanation.limit",
      type: "string",
      words: Object.keys(limits),
      demand: "explanation",
      doc: "what a TCP socket is limited by, or waits for, now",
      read: (socket) => names.explanation(socket)?.limit,
    },
    {
      key: "explanation.sentence",
      type: "string",
      demand: "explanation",
      doc: "the same in words, with its evidence",
      read: (socket) => names.explanation(socket)?.sentence,
    },
    ...pastColumns,
  ];
}
