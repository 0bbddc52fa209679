/** Vsock sockets, which connect virtual machines and their host. linux/vm_sockets_diag.h. */
import { wholeView, writeField } from "../../bytes/layout.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_VSOCK, SOCK_DGRAM, SOCK_STREAM } from "../../model/family.ts";
import type { Table } from "../../model/selection.ts";
import type { FamilyDump } from "../family-dump.ts";
import { type Shutdown, shutdownOf } from "../inet/socket.ts";
import {
  VSOCK_DIAG_MESSAGE_SIZE,
  VSOCK_DIAG_REQUEST_SIZE,
  vsockDiagMessage,
  vsockDiagRequest,
} from "./layout.ts";

/** VMADDR_CID_ANY and VMADDR_PORT_ANY. linux/vm_sockets.h. */
export const VMADDR_ANY = 0xffff_ffff;

/** A vsock socket. Its message has no attributes. */
export class VsockSocket extends wholeView(vsockDiagMessage, DiagMessage) {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "vsock";

  protected override get headerSize(): number {
    return VSOCK_DIAG_MESSAGE_SIZE;
  }

  /** The directions that are shut down. */
  get shutdown(): Shutdown {
    return shutdownOf(this.shutdownBits);
  }
}

const tableOfType = new Map<number, Table>([
  [SOCK_STREAM, "vsock_stream"],
  [SOCK_DGRAM, "vsock_dgram"],
]);

/** The dump request for vsock sockets. */
export const vsockDump: FamilyDump<VsockSocket> = {
  request(_demands, states) {
    const bytes = new Uint8Array(VSOCK_DIAG_REQUEST_SIZE);
    const data = new DataView(bytes.buffer);
    writeField(vsockDiagRequest.family, data, 0, AF_VSOCK);
    writeField(vsockDiagRequest.states, data, 0, states);
    return bytes;
  },
  minimum: VSOCK_DIAG_MESSAGE_SIZE,
  View: VsockSocket,
  selected({ type }, { tables }) {
    const table = tableOfType.get(type);
    return table === undefined || tables.has(table);
  },
};
