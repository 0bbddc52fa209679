/** Netlink sockets. linux/netlink_diag.h. */
import { wholeView, writeField } from "../../bytes/layout.ts";
import { SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_NETLINK } from "../../model/family.ts";
import type { FamilyDump } from "../family-dump.ts";
import {
  NDIAG_PROTO_ALL,
  NDIAG_SHOW,
  NETLINK_DIAG_MESSAGE_SIZE,
  NETLINK_DIAG_REQUEST_SIZE,
  netlinkAttributes,
  netlinkDiagMessage,
  netlinkDiagRequest,
} from "./layout.ts";

/** Fields of /proc/net/netlink that netlink_diag_msg does not have. */
export interface ProcNetlinkDetails {
  /** The socket's kernel address, hashed; 0 for none. */
  readonly pointer: bigint;
  /** The current dump: 0 for none, otherwise its kernel address or 1. */
  readonly callback: bigint;
}

/** The port id of a socket without one. */
export const NO_PORT_ID = -1;

/** NETLINK_CONNECTED. The only other state is 0. */
const NETLINK_CONNECTED = 1;

/** A netlink socket. A getter decodes its field on each read, and returns undefined if it was not sent. */
export class NetlinkDiagSocket extends wholeView(netlinkDiagMessage, DiagMessage) {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "netlink";
  /** Further fields of a socket that was read from /proc; undefined for a socket from netlink. */
  declare readonly procfs: ProcNetlinkDetails | undefined;

  protected override get headerSize(): number {
    return NETLINK_DIAG_MESSAGE_SIZE;
  }

  /** Whether it is connected to a peer. */
  get connected(): boolean {
    return this.stateNumber === NETLINK_CONNECTED;
  }

  /** The socket's memory. */
  get memory(): SkMemInfo | undefined {
    return this.struct(netlinkAttributes.memInfo.id, SkMemInfo);
  }

  /** Memory of messages that are not read yet, in bytes. */
  get rqueue(): number | undefined {
    return this.memory?.rmemAlloc;
  }

  /** Memory of sent messages that their receivers have not read yet, in bytes. */
  get wqueue(): number | undefined {
    return this.memory?.wmemAlloc;
  }

  /** The first 32 multicast groups as a mask of joined ones. */
  get groupMask(): number | undefined {
    return this.u32(netlinkAttributes.groups.id);
  }

  /** Numbers of the joined multicast groups, from 1. */
  get groups(): readonly number[] | undefined {
    const bytes = this.attributeBytes(netlinkAttributes.groups.id);
    if (bytes === undefined) return undefined;
    const groups: number[] = [];
    bytes.forEach((byte, index) => {
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) groups.push(index * 8 + bit + 1);
    });
    return groups;
  }
}

/** The dump request for netlink sockets. */
export const netlinkDump: FamilyDump<NetlinkDiagSocket> = {
  request() {
    const bytes = new Uint8Array(NETLINK_DIAG_REQUEST_SIZE);
    const data = new DataView(bytes.buffer);
    writeField(netlinkDiagRequest.family, data, 0, AF_NETLINK);
    writeField(netlinkDiagRequest.protocol, data, 0, NDIAG_PROTO_ALL);
    writeField(netlinkDiagRequest.show, data, 0, NDIAG_SHOW.memInfo | NDIAG_SHOW.groups);
    return bytes;
  },
  minimum: NETLINK_DIAG_MESSAGE_SIZE,
  View: NetlinkDiagSocket,
  selected: () => true,
};
