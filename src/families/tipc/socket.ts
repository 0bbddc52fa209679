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
 * A TIPC socket: a message without a fixed struct, whose attributes stand in one nest. Each getter decodes when it
 * is read; what the kernel did not send is undefined.
 */
export class TipcSocket extends DiagMessage {
  /** Tells it from sockets of other kinds. */
  readonly kind = "tipc";

  /** The attributes of the socket. */
  get attributes(): TipcSocketNest | undefined {
    return this.struct(tipcAttributes.socket.id, TipcSocketNest);
  }

  /** Socket type: SOCK_STREAM and its like. */
  get type(): number | undefined {
    return this.attributes?.type;
  }

  /** TCP state number. */
  get stateNumber(): number | undefined {
    return this.attributes?.stateNumber;
  }

  /** Own node. */
  get node(): number | undefined {
    return this.attributes?.node;
  }

  /** Own port. */
  get ref(): number | undefined {
    return this.attributes?.ref;
  }

  /** Inode number. */
  get inode(): number | undefined {
    return this.attributes?.inode;
  }

  /** Owner. */
  get uid(): number | undefined {
    return this.attributes?.uid;
  }

  /** The kernel's unique socket cookie. */
  get cookie(): bigint | undefined {
    return this.attributes?.cookie;
  }

  /** Whether a service name is bound to it. */
  get published(): boolean {
    return this.attributes?.published !== undefined;
  }

  /** Whom it is connected to. */
  get connection(): TipcConnection | undefined {
    return this.attributes?.find(tipcSocketNests.connection.id, TipcConnection);
  }

  /** Queues, congestion, drops. */
  get statistics(): TipcStatistics | undefined {
    return this.attributes?.find(tipcSocketNests.statistics.id, TipcStatistics);
  }

  /** Messages not yet read. */
  get rqueue(): number | undefined {
    return this.statistics?.rqueue;
  }

  /** Messages not yet sent. */
  get wqueue(): number | undefined {
    return this.statistics?.wqueue;
  }
}

/** How TIPC sockets are listed. */
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
  // A message without the nest is about nothing that could be shown.
  selected: ({ attributes }) => attributes !== undefined,
};
