/** UNIX sockets. linux/unix_diag.h. */
import { wholeView, writeField } from "../../bytes/layout.ts";
import { SkMemInfo } from "../../diag/memory.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "../../model/family.ts";
import type { Table } from "../../model/selection.ts";
import type { FamilyDump } from "../family.ts";
import { type Shutdown, shutdownOf } from "../inet/socket.ts";
import {
  UDIAG_SHOW,
  UNIX_DIAG_MESSAGE_SIZE,
  UNIX_DIAG_REQUEST_SIZE,
  unixAttributes,
  unixDiagMessage,
  unixDiagRequest,
} from "./layout.ts";

/** What a line of /proc/net/unix has that a unix_diag_msg has not. */
export interface ProcUnixDetails {
  /** Name of the peer, empty if it has none; undefined for a socket without a peer. */
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

/** A UNIX socket. Each getter decodes when it is read; what the kernel did not send is undefined. */
export class UnixSocket extends wholeView(unixDiagMessage, DiagMessage) {
  /** Tells it from sockets of other kinds. */
  readonly kind = "unix";
  /** Of a socket that was read in /proc: what that tells beside. */
  declare readonly procfs?: ProcUnixDetails;

  protected override get headerSize(): number {
    return UNIX_DIAG_MESSAGE_SIZE;
  }

  /** The bound name, a path or an abstract one that begins with NUL; undefined for an unnamed socket. */
  get name(): Uint8Array | undefined {
    return this.attributeBytes(unixAttributes.name.id);
  }

  /** Inode of the connected socket. */
  get peerInode(): number | undefined {
    return this.u32(unixAttributes.peer.id);
  }

  /** Bytes not yet read; for LISTEN: connections waiting to be accepted. */
  get rqueue(): number | undefined {
    return this.#word(unixAttributes.rqlen.id, 0);
  }

  /** Bytes not yet read by the peer; for LISTEN: the backlog's limit. */
  get wqueue(): number | undefined {
    return this.#word(unixAttributes.rqlen.id, 4);
  }

  /** Inode of the file that the socket is bound to. Option `-e`. */
  get fileInode(): number | undefined {
    return this.#word(unixAttributes.vfs.id, 0);
  }

  /** Device of that file, as the kernel packs major and minor. Option `-e`. */
  get fileDevice(): number | undefined {
    return this.#word(unixAttributes.vfs.id, 4);
  }

  /** Inodes of the connections that wait to be accepted. Option `-e`. */
  get pending(): readonly number[] | undefined {
    const payload = this.attribute(unixAttributes.icons.id);
    if (payload === 0) return undefined;
    const count = Math.floor(this.attributeLength(payload) / 4);
    return Array.from({ length: count }, (_, index) => this.data.getUint32(payload + index * 4, true));
  }

  /** Memory that the socket holds. Option `-m`. */
  get memory(): SkMemInfo | undefined {
    return this.struct(unixAttributes.memInfo.id, SkMemInfo);
  }

  /** RCV_SHUTDOWN and SEND_SHUTDOWN. */
  get shutdownBits(): number | undefined {
    return this.u8(unixAttributes.shutdown.id);
  }

  /** Shut directions. */
  get shutdown(): Shutdown | undefined {
    const bits = this.shutdownBits;
    return bits === undefined ? undefined : shutdownOf(bits);
  }

  /** Owner, where the kernel was asked for it. */
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

/** How UNIX sockets are listed. */
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
  selected({ type }, { tables }) {
    const table = tableOfType.get(type);
    return table === undefined || tables.has(table);
  },
};
