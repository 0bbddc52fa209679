/** The columns of TIPC sockets. */

import { type Column, hexIdentity } from "../../fields/column.ts";
import { familyColumns, stateColumn, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import type { TipcSocket } from "./socket.ts";

/** The columns of TIPC sockets, in the order of their JSON. */
export function tipcColumns(names: NameSource): readonly Column<TipcSocket>[] {
  const processes = processesColumn(names);
  return [
    ...familyColumns("tipc", "tipc"),
    typeColumn("TIPC_NLA_SOCK_TYPE"),
    stateColumn("TIPC_NLA_SOCK_TIPC_STATE"),
    {
      key: "recvQueuePackets",
      ss: "Recv-Q",
      type: "integer",
      unit: "packets",
      kernel: "TIPC_NLA_SOCK_STAT_RCVQ",
      doc: "messages that the application has not read yet",
      read: ({ rqueue }) => rqueue,
    },
    {
      key: "sendQueuePackets",
      ss: "Send-Q",
      type: "integer",
      unit: "packets",
      kernel: "TIPC_NLA_SOCK_STAT_SENDQ",
      doc: "messages not yet sent",
      read: ({ wqueue }) => wqueue,
    },
    {
      key: "local.node",
      type: "integer",
      kernel: "TIPC_NLA_SOCK_ADDR",
      doc: "own node",
      read: ({ node }) => node,
    },
    {
      key: "local.ref",
      type: "integer",
      kernel: "TIPC_NLA_SOCK_REF",
      doc: "own port",
      read: ({ ref }) => ref,
    },
    {
      key: "peer.node",
      type: "integer",
      kernel: "TIPC_NLA_CON_NODE",
      doc: "the peer's node",
      read: ({ connection }) => connection?.node,
    },
    {
      key: "peer.ref",
      type: "integer",
      kernel: "TIPC_NLA_CON_SOCK",
      doc: "the peer's port",
      read: ({ connection }) => connection?.ref,
    },
    {
      key: "peer.serviceType",
      type: "integer",
      kernel: "TIPC_NLA_CON_TYPE",
      doc: "type of the service name that the peer was found by",
      read: ({ connection }) => connection?.serviceType,
    },
    {
      key: "peer.serviceInstance",
      type: "integer",
      kernel: "TIPC_NLA_CON_INST",
      doc: "instance of that service name",
      read: ({ connection }) => connection?.serviceInstance,
    },
    {
      key: "uid",
      ss: "uid:",
      type: "integer",
      kernel: "TIPC_NLA_SOCK_UID",
      doc: "owner of the socket",
      read: ({ uid }) => uid,
    },
    {
      key: "inode",
      ss: "ino:",
      type: "integer",
      kernel: "TIPC_NLA_SOCK_INO",
      doc: "inode number",
      read: ({ inode }) => inode,
    },
    {
      key: "cookie",
      ss: "sk:",
      type: "hex",
      kernel: "TIPC_NLA_SOCK_COOKIE",
      doc: "the kernel's unique socket cookie",
      read: ({ cookie }) => (cookie === undefined ? undefined : hexIdentity(cookie)),
    },
    {
      key: "published",
      ss: "publ",
      type: "boolean",
      kernel: "TIPC_NLA_SOCK_HAS_PUBL",
      doc: "a service name is bound to it",
      read: ({ published }) => published,
    },
    { ...processes, read: ({ inode }) => (inode === undefined ? undefined : processes.read({ inode })) },
    {
      key: "congestion.link",
      ss: "cong:link",
      type: "boolean",
      kernel: "TIPC_NLA_SOCK_STAT_LINK_CONG",
      doc: "it waits for a link",
      read: ({ statistics }) => statistics && statistics.linkCongested !== undefined,
    },
    {
      key: "congestion.connection",
      ss: "cong:conn",
      type: "boolean",
      kernel: "TIPC_NLA_SOCK_STAT_CONN_CONG",
      doc: "it waits for the peer",
      read: ({ statistics }) => statistics && statistics.connectionCongested !== undefined,
    },
    {
      key: "drops",
      ss: "drop:",
      type: "integer",
      unit: "packets",
      kernel: "TIPC_NLA_SOCK_STAT_DROP",
      doc: "messages that were dropped",
      read: ({ statistics }) => statistics?.drops,
    },
  ];
}
