/** XDP sockets. linux/xdp_diag.h. */
import { wholeView, writeField } from "../../bytes/layout.ts";
import { SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_XDP } from "../../model/family.ts";
import type { FamilyDump } from "../family-dump.ts";
import {
  XDP_DIAG_MESSAGE_SIZE,
  XDP_DIAG_REQUEST_SIZE,
  XDP_SHOW,
  XdpDiagInfo,
  XdpDiagRing,
  XdpDiagStats,
  XdpDiagUmem,
  xdpAttributes,
  xdpDiagMessage,
  xdpDiagRequest,
} from "./layout.ts";

/** An XDP socket. A getter decodes its field on each read, and returns undefined if it was not sent. */
export class XdpSocket extends wholeView(xdpDiagMessage, DiagMessage) {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "xdp";

  protected override get headerSize(): number {
    return XDP_DIAG_MESSAGE_SIZE;
  }

  /** Offset of the cookie in `data`. */
  get cookieOffset(): number {
    return this.offset + xdpDiagMessage.cookie.offset;
  }

  /** The bound interface and queue. */
  get info(): XdpDiagInfo | undefined {
    return this.struct(xdpAttributes.info.id, XdpDiagInfo);
  }

  /** Index of the bound interface, 0 for none. */
  get interfaceIndex(): number | undefined {
    return this.info?.interfaceIndex;
  }

  /** Queue of the bound interface. */
  get queueId(): number | undefined {
    return this.info?.queueId;
  }

  /** Uid of the owner. */
  get uid(): number | undefined {
    return this.u32(xdpAttributes.uid.id);
  }

  /** The RX ring: descriptors of received packets. */
  get rxRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.rxRing.id, XdpDiagRing);
  }

  /** The TX ring: descriptors of packets to send. */
  get txRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.txRing.id, XdpDiagRing);
  }

  /** The packet memory, UMEM. */
  get umem(): XdpDiagUmem | undefined {
    return this.struct(xdpAttributes.umem.id, XdpDiagUmem);
  }

  /** The fill ring, which passes free chunks of the UMEM to the kernel. */
  get fillRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.fillRing.id, XdpDiagRing);
  }

  /** The completion ring, which returns chunks after their packet is sent. */
  get completionRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.completionRing.id, XdpDiagRing);
  }

  /** The socket's memory. */
  get memory(): SkMemInfo | undefined {
    return this.struct(xdpAttributes.memInfo.id, SkMemInfo);
  }

  /** Memory of packets that are not read yet, in bytes. */
  get rqueue(): number | undefined {
    return this.memory?.rmemAlloc;
  }

  /** Counts of dropped packets and ring errors. */
  get stats(): XdpDiagStats | undefined {
    return this.struct(xdpAttributes.stats.id, XdpDiagStats);
  }
}

/** The dump request for XDP sockets. */
export const xdpDump: FamilyDump<XdpSocket> = {
  request() {
    const bytes = new Uint8Array(XDP_DIAG_REQUEST_SIZE);
    const data = new DataView(bytes.buffer);
    writeField(xdpDiagRequest.family, data, 0, AF_XDP);
    const every = Object.values(XDP_SHOW).reduce((mask, bit) => mask | bit, 0);
    writeField(xdpDiagRequest.show, data, 0, every);
    return bytes;
  },
  minimum: XDP_DIAG_MESSAGE_SIZE,
  View: XdpSocket,
  selected: () => true,
};
