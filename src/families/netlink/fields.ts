/** The columns of netlink sockets. */
import { skMemInfo } from "../../diag/memory.ts";
import { processName } from "../../enrich/processes.ts";
import { type Column, cookieText, structColumns } from "../../fields/column.ts";
import { closedColumn, familyColumns, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { type NetlinkDiagSocket, NO_PORT_ID } from "./socket.ts";

const decoder = new TextDecoder();

/** The columns of netlink sockets, in the order of their JSON. */
export const netlinkColumns = (names: NameSource): readonly Column<NetlinkDiagSocket>[] => [
  ...familyColumns("netlink", "netlink"),
  typeColumn("ndiag_type"),
  {
    key: "protocol",
    type: "integer",
    kernel: "ndiag_protocol",
    doc: "netlink protocol",
    read: ({ protocol }) => protocol,
  },
  {
    key: "protocolName",
    type: "string",
    doc: "name of the netlink protocol, nl_protos counts; not with -n",
    read: ({ protocol }) => {
      const name = names.netlinkProtocol(protocol);
      return name && decoder.decode(name);
    },
  },
  closedColumn,
  {
    key: "connected",
    type: "boolean",
    kernel: "ndiag_state",
    doc: "it has a peer that it sends to",
    read: ({ connected }) => connected,
  },
  {
    key: "recvQueueBytes",
    ss: "Recv-Q",
    type: "integer",
    unit: "bytes",
    kernel: "SK_MEMINFO_RMEM_ALLOC",
    doc: "held by messages that the application has not read yet",
    read: ({ rqueue }) => rqueue,
  },
  {
    key: "sendQueueBytes",
    ss: "Send-Q",
    type: "integer",
    unit: "bytes",
    kernel: "SK_MEMINFO_WMEM_ALLOC",
    doc: "held by messages on their way to a reader",
    read: ({ wqueue }) => wqueue,
  },
  {
    key: "local.portId",
    type: "integer",
    kernel: "ndiag_portid",
    doc: "own port id; 0 is the kernel; absent for a socket that has none yet",
    read: ({ portId }) => (portId === NO_PORT_ID ? undefined : portId >>> 0),
  },
  {
    key: "local.process",
    type: "string",
    doc: "name of the process whose pid the port id is, by habit the owner; not with -n",
    read: ({ portId }) => {
      const stat = portId > 0 ? names.processStat(portId) : undefined;
      return stat && decoder.decode(processName(stat));
    },
  },
  {
    key: "local.processContext",
    type: "string",
    demand: "processContext",
    doc: "SELinux context of that process, of the kernel for port id 0",
    read: ({ portId }) => {
      const context = names.processContext(portId);
      return context && decoder.decode(context);
    },
  },
  {
    key: "peer.group",
    type: "integer",
    kernel: "ndiag_dst_group",
    doc: "number of the group that it sends to, 0 for none; if connected",
    read: ({ connected, destinationGroup }) => (connected ? destinationGroup : undefined),
  },
  {
    key: "peer.portId",
    type: "integer",
    kernel: "ndiag_dst_portid",
    doc: "the port id that it sends to; if connected",
    read: ({ connected, destinationPortId }) => (connected ? destinationPortId >>> 0 : undefined),
  },
  {
    key: "groups",
    ss: "groups=0x",
    type: "array",
    items: "integer",
    kernel: "NETLINK_DIAG_GROUPS",
    doc: "numbers of the multicast groups that it has joined",
    read: ({ groups }) => groups,
  },
  { key: "inode", type: "integer", kernel: "ndiag_ino", doc: "inode number", read: ({ inode }) => inode },
  {
    key: "cookie",
    type: "hex",
    kernel: "ndiag_cookie",
    doc: "the kernel's unique socket cookie",
    read: ({ cookie }) => cookieText(cookie),
  },
  processesColumn(names),
  ...structColumns("memory", undefined, skMemInfo, ({ memory }: NetlinkDiagSocket) => memory),
];
