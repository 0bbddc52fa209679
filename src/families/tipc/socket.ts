/** TIPC sockets. linux/tipc_sockets_diag.h, linux/tipc_netlink.h. */
import { writeField } from "../../bytes/layout.ts";
import { DiagMessage } from "../../diag/message.ts";
import { AF_TIPC } from "../../model/family.ts";
import type { FamilyDump } from "../family-dump.ts";
import {
  TIPC_DIAG_REQUEST_SIZE,
  TipcConnection,
  TipcSocketNest,
  TipcStatistics,
  tipcAttributes,
  tipcDiagRequest,
  tipcSocketNests,
} from "./layout.ts";

/**
 * A TIPC socket. Its message has no fixed struct, only one nest of attributes. A getter decodes its field on each
 * read, and returns undefined if it was not sent.
 */
export class TipcSocket extends DiagMessage {
  /** Distinguishes it from sockets of other kinds. */
  readonly kind = "tipc";

  /** The nest TIPC_NLA_SOCK. */
  get attributes(): TipcSocketNest | undefined {
    return this.struct(tipcAttributes.socket.id, TipcSocketNest);
  }

  /** Socket type: SOCK_STREAM, SOCK_SEQPACKET, SOCK_RDM or SOCK_DGRAM. */
  get type(): number | undefined {
    return this.attributes?.type;
  }

  /** TCP state number. */
  get stateNumber(): number | undefined {
    return this.attributes?.stateNumber;
  }

  /** Local node. */
  get node(): number | undefined {
    return this.attributes?.node;
  }

  /** Local port. */
  get ref(): number | undefined {
    return this.attributes?.ref;
  }

  /** Inode number. */
  get inode(): number | undefined {
    return this.attributes?.inode;
  }

  /** Uid of the owner. */
  get uid(): number | undefined {
    return this.attributes?.uid;
  }

  /** The kernel's unique socket cookie. */
  get cookie(): bigint | undefined {
    return this.attributes?.cookie;
  }

  /** Whether a service name is bound to the socket. */
  get published(): boolean {
    return this.attributes?.published !== undefined;
  }

  /** The peer of a connected socket. */
  get connection(): TipcConnection | undefined {
    return this.attributes?.find(tipcSocketNests.connection.id, TipcConnection);
  }

  /** Queue lengths, congestion flags and drops. */
  get statistics(): TipcStatistics | undefined {
    return this.attributes?.find(tipcSocketNests.statistics.id, TipcStatistics);
  }

  /** Number of messages that are not read yet. */
  get rqueue(): number | undefined {
    return this.statistics?.rqueue;
  }

  /** Number of messages that are not sent yet. */
  get wqueue(): number | undefined {
    return this.statistics?.wqueue;
  }
}

/** The dump request for TIPC sockets. */
export const tipcDump: FamilyDump<TipcSocket> = {
  request(_demands, states) {
    const bytes = new Uint8Array(TIPC_DIAG_REQUEST_SIZE);
    const data = new DataView(bytes.buffer);
    writeField(tipcDiagRequest.family, data, 0, AF_TIPC);
    writeField(tipcDiagRequest.states, data, 0, states);
    return bytes;
  },
  minimum: 0,
  View: TipcSocket,
  // A message without the nest has nothing to show.
  selected: ({ attributes }) => attributes !== undefined,
};
