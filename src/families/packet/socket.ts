/** Packet sockets, which receive and send link layer frames. linux/packet_diag.h. */
import { readField, wholeView, writeField } from "../../bytes/layout.ts";
import { SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_PACKET, SOCK_DGRAM, SOCK_RAW } from "../../model/family.ts";
import type { Table } from "../../model/selection.ts";
import type { FamilyDump } from "../family-dump.ts";
import {
  PACKET_DIAG_MESSAGE_SIZE,
  PACKET_DIAG_REQUEST_SIZE,
  PACKET_SHOW,
  PacketDiagInfo,
  PacketDiagRing,
  PacketFanout,
  packetAttributes,
  packetDiagMessage,
  packetDiagRequest,
  SOCK_FILTER_SIZE,
  sockFilter,
} from "./layout.ts";

/** An instruction of a classic BPF program. */
export interface BpfInstruction {
  /** Operation code. linux/bpf_common.h. */
  readonly code: number;
  /** Instructions to skip if the test is true. */
  readonly jt: number;
  /** Instructions to skip if it is false. */
  readonly jf: number;
  /** Operand. */
  readonly k: number;
}

/** A packet socket. A getter decodes its field on each read, and returns undefined if it was not sent. */
export class PacketSocket extends wholeView(packetDiagMessage, DiagMessage) {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "packet";

  protected override get headerSize(): number {
    return PACKET_DIAG_MESSAGE_SIZE;
  }

  /** Offset of the cookie in `data`. */
  get cookieOffset(): number {
    return this.offset + packetDiagMessage.cookie.offset;
  }

  /** The bound interface and the socket's options. */
  get info(): PacketDiagInfo | undefined {
    return this.struct(packetAttributes.info.id, PacketDiagInfo);
  }

  /** Index of the bound interface, 0 for all. */
  get interfaceIndex(): number | undefined {
    return this.info?.interfaceIndex;
  }

  /** Uid of the owner. */
  get uid(): number | undefined {
    return this.u32(packetAttributes.uid.id);
  }

  /** The socket's memory. */
  get memory(): SkMemInfo | undefined {
    return this.struct(packetAttributes.memInfo.id, SkMemInfo);
  }

  /** Memory of packets that are not read yet, in bytes. */
  get rqueue(): number | undefined {
    return this.memory?.rmemAlloc;
  }

  /** The receive ring, PACKET_RX_RING. */
  get rxRing(): PacketDiagRing | undefined {
    return this.struct(packetAttributes.rxRing.id, PacketDiagRing);
  }

  /** The transmit ring, PACKET_TX_RING. */
  get txRing(): PacketDiagRing | undefined {
    return this.struct(packetAttributes.txRing.id, PacketDiagRing);
  }

  /** The fanout group, whose sockets share the packets. */
  get fanout(): PacketFanout | undefined {
    return this.struct(packetAttributes.fanout.id, PacketFanout);
  }

  /** The classic BPF filter of the socket; only with CAP_NET_ADMIN. */
  get filter(): readonly BpfInstruction[] | undefined {
    const payload = this.attribute(packetAttributes.filter.id);
    if (payload === 0) return undefined;
    const count = Math.floor(this.attributeLength(payload) / SOCK_FILTER_SIZE);
    return Array.from({ length: count }, (_, index) => {
      const at = payload + index * SOCK_FILTER_SIZE;
      return {
        code: Number(readField(sockFilter.code, this.data, at)),
        jt: Number(readField(sockFilter.jt, this.data, at)),
        jf: Number(readField(sockFilter.jf, this.data, at)),
        k: Number(readField(sockFilter.k, this.data, at)),
      };
    });
  }
}

const tableOfType = new Map<number, Table>([
  [SOCK_RAW, "packet_raw"],
  [SOCK_DGRAM, "packet_dgram"],
]);

/** The dump request for packet sockets. The kernel and ss do not select by socket type; this does. */
export const packetDump: FamilyDump<PacketSocket> = {
  request() {
    const bytes = new Uint8Array(PACKET_DIAG_REQUEST_SIZE);
    const data = new DataView(bytes.buffer);
    writeField(packetDiagRequest.family, data, 0, AF_PACKET);
    const { info, ringCfg, fanout, memInfo, filter } = PACKET_SHOW;
    writeField(packetDiagRequest.show, data, 0, info | ringCfg | fanout | memInfo | filter);
    return bytes;
  },
  minimum: PACKET_DIAG_MESSAGE_SIZE,
  View: PacketSocket,
  complete: ({ memory }) => memory !== undefined,
  selected({ type }, { tables }) {
    const table = tableOfType.get(type);
    return table === undefined || tables.has(table);
  },
};
