/** The columns of netlink sockets. */

import { skMemInfo } from "../../diag/memory.ts";
import { processName } from "../../enrich/processes.ts";
import { type Column, cookieText, factOf, structColumns } from "../../fields/column.ts";
import { closedColumn, familyColumns, typeColumn } from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { netlinkAttributes, netlinkDiagMessage } from "./layout.ts";
import { type NetlinkDiagSocket, NO_PORT_ID } from "./socket.ts";

const decoder = new TextDecoder();

/** The columns of netlink sockets, in the order of their JSON. */
export const netlinkColumns = (names: NameSource): readonly Column<NetlinkDiagSocket>[] => [
  ...familyColumns("netlink", "netlink"),
  typeColumn(netlinkDiagMessage.type),
  {
    key: "protocol",
    type: "integer",
    ...factOf(netlinkDiagMessage.protocol),
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
    ...factOf(netlinkDiagMessage.stateNumber),
    read: ({ connected }) => connected,
  },
  {
    key: "recvQueueBytes",
    ss: "Recv-Q",
    type: "integer",
    unit: "bytes",
    metric: "gauge",
    kernel: skMemInfo.rmemAlloc.kernel,
    doc: "held by messages that the application has not read yet",
    read: ({ rqueue }) => rqueue,
  },
  {
    key: "sendQueueBytes",
    ss: "Send-Q",
    type: "integer",
    unit: "bytes",
    metric: "gauge",
    kernel: skMemInfo.wmemAlloc.kernel,
    doc: "held by messages on their way to a reader",
    read: ({ wqueue }) => wqueue,
  },
  {
    key: "local.portId",
    type: "integer",
    ...factOf(netlinkDiagMessage.portId),
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
    ...factOf(netlinkDiagMessage.destinationGroup),
    read: ({ connected, destinationGroup }) => (connected ? destinationGroup : undefined),
  },
  {
    key: "peer.portId",
    type: "integer",
    ...factOf(netlinkDiagMessage.destinationPortId),
    read: ({ connected, destinationPortId }) => (connected ? destinationPortId >>> 0 : undefined),
  },
  {
    key: "groups",
    ss: "groups=0x",
    type: "array",
    items: "integer",
    ...factOf(netlinkAttributes.groups),
    read: ({ groups }) => groups,
  },
  { key: "inode", type: "integer", ...factOf(netlinkDiagMessage.inode), read: ({ inode }) => inode },
  {
    key: "cookie",
    type: "hex",
    ...factOf(netlinkDiagMessage.cookie),
    read: ({ cookie }) => cookieText(cookie),
  },
  processesColumn(names),
  ...structColumns("memory", undefined, skMemInfo, ({ memory }: NetlinkDiagSocket) => memory),
];
