/** The columns of TIPC sockets. */

import { type Column, factOf, hexIdentity } from "../../fields/column.ts";
import { familyColumns, stateColumn, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { tipcConnection, tipcSocket, tipcStatistics } from "./layout.ts";
import type { TipcSocket } from "./socket.ts";

/** The columns of TIPC sockets, in the order of their JSON. */
export const tipcColumns = (names: NameSource): readonly Column<TipcSocket>[] => [
  ...familyColumns("tipc", "tipc"),
  typeColumn(tipcSocket.type),
  stateColumn(tipcSocket.stateNumber),
  {
    key: "recvQueuePackets",
    ss: "Recv-Q",
    type: "integer",
    ...factOf(tipcStatistics.rqueue),
    read: ({ rqueue }) => rqueue,
  },
  {
    key: "sendQueuePackets",
    ss: "Send-Q",
    type: "integer",
    ...factOf(tipcStatistics.wqueue),
    read: ({ wqueue }) => wqueue,
  },
  {
    key: "local.node",
    type: "integer",
    ...factOf(tipcSocket.node),
    read: ({ node }) => node,
  },
  {
    key: "local.ref",
    type: "integer",
    ...factOf(tipcSocket.ref),
    read: ({ ref }) => ref,
  },
  {
    key: "peer.node",
    type: "integer",
    ...factOf(tipcConnection.node),
    read: ({ connection }) => connection?.node,
  },
  {
    key: "peer.ref",
    type: "integer",
    ...factOf(tipcConnection.ref),
    read: ({ connection }) => connection?.ref,
  },
  {
    key: "peer.serviceType",
    type: "integer",
    ...factOf(tipcConnection.serviceType),
    read: ({ connection }) => connection?.serviceType,
  },
  {
    key: "peer.serviceInstance",
    type: "integer",
    ...factOf(tipcConnection.serviceInstance),
    read: ({ connection }) => connection?.serviceInstance,
  },
  {
    key: "uid",
    ss: "uid:",
    type: "integer",
    ...factOf(tipcSocket.uid),
    read: ({ uid }) => uid,
  },
  {
    key: "inode",
    ss: "ino:",
    type: "integer",
    ...factOf(tipcSocket.inode),
    read: ({ inode }) => inode,
  },
  {
    key: "cookie",
    ss: "sk:",
    type: "hex",
    ...factOf(tipcSocket.cookie),
    read: ({ cookie }) => (cookie === undefined ? undefined : hexIdentity(cookie)),
  },
  {
    key: "published",
    ss: "publ",
    type: "boolean",
    ...factOf(tipcSocket.published),
    read: ({ published }) => published,
  },
  processesColumn(names),
  {
    key: "congestion.link",
    ss: "cong:link",
    type: "boolean",
    ...factOf(tipcStatistics.linkCongested),
    read: ({ statistics }) => statistics && statistics.linkCongested !== undefined,
  },
  {
    key: "congestion.connection",
    ss: "cong:conn",
    type: "boolean",
    ...factOf(tipcStatistics.connectionCongested),
    read: ({ statistics }) => statistics && statistics.connectionCongested !== undefined,
  },
  {
    key: "drops",
    ss: "drop:",
    type: "integer",
    ...factOf(tipcStatistics.drops),
    read: ({ statistics }) => statistics?.drops,
  },
];
