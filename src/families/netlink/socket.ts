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

/** What a line of /proc/net/netlink has that a netlink_diag_msg has not. */
export interface ProcNetlinkDetails {
  /** The kernel's address of the socket, hashed; 0 for none. */
  readonly pointer: bigint;
  /** The dump under way: 0 for none, else its address or just 1. */
  readonly callback: bigint;
}

/** The port id of a socket that has none yet. */
export const NO_PORT_ID = -1;

/** NETLINK_CONNECTED, the only other state than 0. */
const NETLINK_CONNECTED = 1;

/** A netlink socket. Each getter decodes when it is read; what the kernel did not send is undefined. */
export class NetlinkDiagSocket extends wholeView(netlinkDiagMessage, DiagMessage) {
  /** Tells it from sockets of other kinds. */
  readonly kind = "netlink";
  /** What /proc/net/netlink tells beside; undefined for a socket that netlink told of. */
  declare readonly procfs: ProcNetlinkDetails | undefined;

  protected override get headerSize(): number {
    return NETLINK_DIAG_MESSAGE_SIZE;
  }

  /** Whether it has a peer that it sends to. */
  get connected(): boolean {
    return this.stateNumber === NETLINK_CONNECTED;
  }

  /** Memory that the socket holds. */
  get memory(): SkMemInfo | undefined {
    return this.struct(netlinkAttributes.memInfo.id, SkMemInfo);
  }

  /** Bytes held by messages that are not yet read. */
  get rqueue(): number | undefined {
    return this.memory?.rmemAlloc;
  }

  /** Bytes held by messages on their way to a reader. */
  get wqueue(): number | undefined {
    return this.memory?.wmemAlloc;
  }

  /** The first 32 joined groups, a bit each. */
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

/** How netlink sockets are listed. */
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
