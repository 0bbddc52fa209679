/** The columns of packet sockets. */
import { skMemInfo } from "../../diag/memory.ts";
import { type Column, cookieText, factOf, structColumns } from "../../fields/column.ts";
import {
  boundInterfaceColumns,
  closedColumn,
  familyColumns,
  packetQueueColumn,
  typeColumn,
} from "../../fields/family.ts";
import type { NameSource } from "../../fields/names.ts";
import { processesColumn } from "../../fields/processes.ts";
import { linkProtocolName } from "../../model/link-protocols.ts";
import {
  fanoutTypes,
  packetAttributes,
  packetDiagInfo,
  packetDiagMessage,
  packetDiagRing,
} from "./layout.ts";
import type { PacketSocket } from "./socket.ts";

/** What is not told elsewhere of struct packet_diag_info. */
const { interfaceIndex: _, ...settings } = packetDiagInfo;

/** The columns of packet sockets, in the order of their JSON. */
export const packetColumns = (names: NameSource): readonly Column<PacketSocket>[] => [
  ...familyColumns("packet", "link"),
  typeColumn(packetDiagMessage.type),
  {
    key: "protocol",
    type: "integer",
    ...factOf(packetDiagMessage.protocol),
    read: ({ protocol }) => protocol,
  },
  {
    key: "protocolName",
    type: "string",
    doc: "name of the link protocol",
    read: ({ protocol }) => linkProtocolName(protocol),
  },
  closedColumn,
  packetQueueColumn,
  ...boundInterfaceColumns(names, "pdi_index"),
  {
    key: "uid",
    ss: "uid:",
    type: "integer",
    ...factOf(packetAttributes.uid),
    read: ({ uid }) => uid,
  },
  {
    key: "inode",
    ss: "ino:",
    type: "integer",
    ...factOf(packetDiagMessage.inode),
    read: ({ inode }) => inode,
  },
  {
    key: "cookie",
    ss: "sk:",
    type: "hex",
    ...factOf(packetDiagMessage.cookie),
    read: ({ cookie }) => cookieText(cookie),
  },
  processesColumn(names),
  ...structColumns("info", undefined, settings, ({ info }: PacketSocket) => info),
  ...structColumns("rxRing", undefined, packetDiagRing, ({ rxRing }: PacketSocket) => rxRing),
  ...structColumns("txRing", undefined, packetDiagRing, ({ txRing }: PacketSocket) => txRing),
  {
    key: "fanout.id",
    ss: "fanout(id:",
    type: "integer",
    kernel: packetAttributes.fanout.kernel,
    doc: "number of the group of sockets that share packets",
    read: ({ fanout }) => fanout?.id,
  },
  {
    key: "fanout.type",
    ss: "type:",
    type: "string",
    words: fanoutTypes,
    kernel: packetAttributes.fanout.kernel,
    doc: "how packets are dealt out to the sockets of the group",
    read: ({ fanout }) => {
      const number = fanout?.typeNumber;
      return number === undefined ? undefined : (fanoutTypes[number] ?? `unknown(${number})`);
    },
  },
  {
    key: "filter",
    type: "array",
    items: [
      { key: "code", type: "integer", doc: "operation" },
      { key: "jt", type: "integer", doc: "instructions to skip if true" },
      { key: "jf", type: "integer", doc: "instructions to skip if false" },
      { key: "k", type: "integer", doc: "operand" },
    ],
    ...factOf(packetAttributes.filter),
    ss: "bpf filter",
    read: ({ filter }) => filter?.map((instruction) => ({ ...instruction })),
  },
  ...structColumns("memory", undefined, skMemInfo, ({ memory }: PacketSocket) => memory),
];
