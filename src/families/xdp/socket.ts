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

/** An XDP socket. Each getter decodes when it is read; what the kernel did not send is undefined. */
export class XdpSocket extends wholeView(xdpDiagMessage, DiagMessage) {
  /** Tells it from sockets of other kinds. */
  readonly kind = "xdp";

  protected override get headerSize(): number {
    return XDP_DIAG_MESSAGE_SIZE;
  }

  /** Offset of the cookie in `data`. */
  get cookieOffset(): number {
    return this.offset + xdpDiagMessage.cookie.offset;
  }

  /** What it is bound to. */
  get info(): XdpDiagInfo | undefined {
    return this.struct(xdpAttributes.info.id, XdpDiagInfo);
  }

  /** Index of the interface that it is bound to, 0 for none. */
  get interfaceIndex(): number | undefined {
    return this.info?.interfaceIndex;
  }

  /** Queue of that interface. */
  get queueId(): number | undefined {
    return this.info?.queueId;
  }

  /** Owner. */
  get uid(): number | undefined {
    return this.u32(xdpAttributes.uid.id);
  }

  /** The ring that packets are received from. */
  get rxRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.rxRing.id, XdpDiagRing);
  }

  /** The ring that packets are sent by. */
  get txRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.txRing.id, XdpDiagRing);
  }

  /** The memory that packets are in. */
  get umem(): XdpDiagUmem | undefined {
    return this.struct(xdpAttributes.umem.id, XdpDiagUmem);
  }

  /** The ring that gives places in that memory to the kernel. */
  get fillRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.fillRing.id, XdpDiagRing);
  }

  /** The ring that gives them back once a packet is sent. */
  get completionRing(): XdpDiagRing | undefined {
    return this.struct(xdpAttributes.completionRing.id, XdpDiagRing);
  }

  /** Memory that the socket holds. */
  get memory(): SkMemInfo | undefined {
    return this.struct(xdpAttributes.memInfo.id, SkMemInfo);
  }

  /** Bytes held by packets that are not yet read. */
  get rqueue(): number | undefined {
    return this.memory?.rmemAlloc;
  }

  /** What was dropped, and why. */
  get stats(): XdpDiagStats | undefined {
    return this.struct(xdpAttributes.stats.id, XdpDiagStats);
  }
}

/** How XDP sockets are listed. */
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
