/** UNIX sockets. linux/unix_diag.h. */
import { wholeView, writeField } from "../../bytes/layout.ts";
import { SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../../model/family.ts";
import type { Selection, Table } from "../../model/selection.ts";
import type { FamilyDump } from "../family-dump.ts";
import { type Shutdown, shutdownOf } from "../inet/socket.ts";
import {
  UDIAG_SHOW,
  UNIX_DIAG_MESSAGE_SIZE,
  UNIX_DIAG_REQUEST_SIZE,
  unixAttributes,
  unixDiagMessage,
  unixDiagRequest,
} from "./layout.ts";

/** Fields of /proc/net/unix that unix_diag_msg does not have. */
export interface ProcUnixDetails {
  /** Name of the peer, empty if it is unnamed; undefined without a peer. */
  readonly peerName: Uint8Array | undefined;
  /** The kernel's address of it; 0 for who may not know it. */
  readonly address: bigint;
  /** How many references to it there are. */
  readonly references: number;
  /** Its flags: 0x10000 for one that listens. linux/net.h. */
  readonly flags: number;
  /** SS_UNCONNECTED and the like, as the file has it. linux/net.h, `enum socket_state`. */
  readonly socketState: number;
  /** Which line of the file it is. */
  readonly line: number;
}

/** A UNIX socket. A getter decodes its field on each read, and returns undefined if it was not sent. */
export class UnixSocket extends wholeView(unixDiagMessage, DiagMessage) {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "unix";
  /** Further fields of a socket that was read from /proc; undefined for a socket from netlink. */
  declare readonly procfs?: ProcUnixDetails;

  protected override get headerSize(): number {
    return UNIX_DIAG_MESSAGE_SIZE;
  }

  /** The bound name: a path, or an abstract name, which begins with NUL. Undefined for an unnamed socket. */
  get name(): Uint8Array | undefined {
    return this.attributeBytes(unixAttributes.name.id);
  }

  /** Inode of the peer. */
  get peerInode(): number | undefined {
    return this.u32(unixAttributes.peer.id);
  }

  /** Bytes not read yet; for LISTEN: connections waiting to be accepted. */
  get rqueue(): number | undefined {
    return this.#word(unixAttributes.rqlen.id, 0);
  }

  /** Bytes that the peer has not read yet; for LISTEN: the limit of the backlog. */
  get wqueue(): number | undefined {
    return this.#word(unixAttributes.rqlen.id, 4);
  }

  /** Inode of the file that the socket is bound to. Option `-e`. */
  get fileInode(): number | undefined {
    return this.#word(unixAttributes.vfs.id, 0);
  }

  /** Device of that file, with major and minor packed as in the kernel. Option `-e`. */
  get fileDevice(): number | undefined {
    return this.#word(unixAttributes.vfs.id, 4);
  }

  /** Inodes of the connections waiting to be accepted. Option `-e`. */
  get pending(): readonly number[] | undefined {
    const payload = this.attribute(unixAttributes.icons.id);
    if (payload === 0) return undefined;
    const count = Math.floor(this.attributeLength(payload) / 4);
    return Array.from({ length: count }, (_, index) => this.data.getUint32(payload + index * 4, true));
  }

  /** The socket's memory. Option `-m`. */
  get memory(): SkMemInfo | undefined {
    return this.struct(unixAttributes.memInfo.id, SkMemInfo);
  }

  /** RCV_SHUTDOWN and SEND_SHUTDOWN. */
  get shutdownBits(): number | undefined {
    return this.u8(unixAttributes.shutdown.id);
  }

  /** The directions that are shut down. */
  get shutdown(): Shutdown | undefined {
    const bits = this.shutdownBits;
    return bits === undefined ? undefined : shutdownOf(bits);
  }

  /** Uid of the owner, if it was requested. */
  get uid(): number | undefined {
    return this.u32(unixAttributes.uid.id);
  }

  #word(type: number, offset: number): number | undefined {
    const payload = this.attribute(type);
    return payload === 0 || this.attributeLength(payload) < offset + 4
      ? undefined
      : this.data.getUint32(payload + offset, true);
  }
}

const tableOfType = new Map<number, Table>([
  [SOCK_STREAM, "unix_stream"],
  [SOCK_DGRAM, "unix_dgram"],
  [SOCK_SEQPACKET, "unix_seqpacket"],
]);

/** Whether sockets of a type belong to the selected tables. */
function isSelected(type: number, { tables }: Selection): boolean {
  const table = tableOfType.get(type);
  return table === undefined || tables.has(table);
}

/** The dump request for UNIX sockets. */
export const unixDump: FamilyDump<UnixSocket> = {
  request(demands, states) {
    const bytes = new Uint8Array(UNIX_DIAG_REQUEST_SIZE);
    const data = new DataView(bytes.buffer);
    writeField(unixDiagRequest.family, data, 0, AF_UNIX);
    writeField(unixDiagRequest.states, data, 0, states);
    const show =
      UDIAG_SHOW.name |
      UDIAG_SHOW.peer |
      UDIAG_SHOW.rqlen |
      (demands.has("memory") ? UDIAG_SHOW.memInfo : 0) |
      (demands.has("uid") ? UDIAG_SHOW.uid : 0) |
      (demands.has("extended") ? UDIAG_SHOW.vfs | UDIAG_SHOW.icons : 0);
    writeField(unixDiagRequest.show, data, 0, show);
    return bytes;
  },
  minimum: UNIX_DIAG_MESSAGE_SIZE,
  View: UnixSocket,
  selectedAt: (data, offset, selection) =>
    isSelected(data.getUint8(offset + unixDiagMessage.type.offset), selection),
  selected: ({ type }, selection) => isSelected(type, selection),
};
