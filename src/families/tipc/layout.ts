/** struct tipc_sock_diag_req and the attributes of TIPC sockets. linux/tipc_sockets_diag.h, linux/tipc_netlink.h. */
import type { Layout } from "../../bytes/layout.ts";
import type { AttributeTable } from "../../diag/attribute.ts";
import { type NestedTable, nestedView } from "../../diag/nested.ts";

/** struct tipc_sock_diag_req. */
export const tipcDiagRequest = {
  family: { offset: 0, type: "u8", kernel: "sdiag_family", doc: "AF_TIPC" },
  states: { offset: 4, type: "u32", kernel: "tidiag_states", doc: "mask of requested states, bit = state" },
} as const satisfies Layout;

/** Bytes of struct tipc_sock_diag_req. */
export const TIPC_DIAG_REQUEST_SIZE = 8;

/** Attributes of a message about TIPC: only the socket is sent here. */
export const tipcAttributes = {
  socket: { id: 2, kernel: "TIPC_NLA_SOCK", doc: "nest of the socket's attributes" },
} as const satisfies AttributeTable;

/** Attributes in TIPC_NLA_SOCK that hold one value. */
export const tipcSocket = {
  node: { id: 1, offset: 0, type: "u32", kernel: "TIPC_NLA_SOCK_ADDR", doc: "local node" },
  ref: { id: 2, offset: 0, type: "u32", kernel: "TIPC_NLA_SOCK_REF", doc: "local port" },
  published: {
    id: 4,
    offset: 0,
    type: "u8",
    flag: true,
    kernel: "TIPC_NLA_SOCK_HAS_PUBL",
    doc: "a service name is bound to the socket",
  },
  type: {
    id: 6,
    offset: 0,
    type: "u32",
    kernel: "TIPC_NLA_SOCK_TYPE",
    doc: "socket type, SOCK_STREAM and so on",
  },
  inode: { id: 7, offset: 0, type: "u32", kernel: "TIPC_NLA_SOCK_INO", doc: "inode number" },
  uid: { id: 8, offset: 0, type: "u32", kernel: "TIPC_NLA_SOCK_UID", doc: "owner of the socket" },
  stateNumber: { id: 9, offset: 0, type: "u32", kernel: "TIPC_NLA_SOCK_TIPC_STATE", doc: "TCP state number" },
  cookie: {
    id: 10,
    offset: 0,
    type: "id64",
    kernel: "TIPC_NLA_SOCK_COOKIE",
    doc: "the kernel's unique socket cookie",
  },
} as const satisfies NestedTable;

/** Attributes in TIPC_NLA_SOCK that are nests themselves. */
export const tipcSocketNests = {
  connection: { id: 3, kernel: "TIPC_NLA_SOCK_CON", doc: "the peer" },
  statistics: { id: 5, kernel: "TIPC_NLA_SOCK_STAT", doc: "queues, congestion, drops" },
} as const satisfies AttributeTable;

/** TIPC_NLA_SOCK_CON: whom the socket is connected to. */
export const tipcConnection = {
  byService: {
    id: 1,
    offset: 0,
    type: "u8",
    flag: true,
    kernel: "TIPC_NLA_CON_FLAG",
    doc: "the connection was made by service name",
  },
  node: { id: 2, offset: 0, type: "u32", kernel: "TIPC_NLA_CON_NODE", doc: "the peer's node" },
  ref: { id: 3, offset: 0, type: "u32", kernel: "TIPC_NLA_CON_SOCK", doc: "the peer's port" },
  serviceType: {
    id: 4,
    offset: 0,
    type: "u32",
    kernel: "TIPC_NLA_CON_TYPE",
    doc: "type of the service name that the peer was found by",
  },
  serviceInstance: {
    id: 5,
    offset: 0,
    type: "u32",
    kernel: "TIPC_NLA_CON_INST",
    doc: "instance of that service name",
  },
} as const satisfies NestedTable;

/** TIPC_NLA_SOCK_STAT: how the socket is doing. */
export const tipcStatistics = {
  rqueue: {
    id: 0,
    offset: 0,
    type: "u32",
    unit: "packets",
    metric: "gauge",
    kernel: "TIPC_NLA_SOCK_STAT_RCVQ",
    doc: "messages that the application has not read yet",
  },
  wqueue: {
    id: 1,
    offset: 0,
    type: "u32",
    unit: "packets",
    metric: "gauge",
    kernel: "TIPC_NLA_SOCK_STAT_SENDQ",
    doc: "messages not sent yet",
  },
  linkCongested: {
    id: 2,
    offset: 0,
    type: "u8",
    flag: true,
    kernel: "TIPC_NLA_SOCK_STAT_LINK_CONG",
    doc: "the socket waits for a congested link",
  },
  connectionCongested: {
    id: 3,
    offset: 0,
    type: "u8",
    flag: true,
    kernel: "TIPC_NLA_SOCK_STAT_CONN_CONG",
    doc: "the socket waits for a congested peer",
  },
  drops: {
    id: 4,
    offset: 0,
    type: "u32",
    unit: "packets",
    metric: "counter",
    kernel: "TIPC_NLA_SOCK_STAT_DROP",
    doc: "messages dropped",
  },
} as const satisfies NestedTable;

/** View of the payload of TIPC_NLA_SOCK. */
export const TipcSocketNest = nestedView(tipcSocket);
/** View of the payload of TIPC_NLA_SOCK. */
export interface TipcSocketNest extends InstanceType<typeof TipcSocketNest> {}

/** View of the payload of TIPC_NLA_SOCK_CON. */
export const TipcConnection = nestedView(tipcConnection);
/** View of the payload of TIPC_NLA_SOCK_CON. */
export interface TipcConnection extends InstanceType<typeof TipcConnection> {}

/** View of the payload of TIPC_NLA_SOCK_STAT. */
export const TipcStatistics = nestedView(tipcStatistics);
/** View of the payload of TIPC_NLA_SOCK_STAT. */
export interface TipcStatistics extends InstanceType<typeof TipcStatistics> {}
