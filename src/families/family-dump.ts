/** The families whose sockets are listed by one request each: everything but inet. */

import type { DiagMessage, Origin } from "../diag/message.ts";
import type { Selection } from "../model/selection.ts";

/** What is wanted of each socket beside what the kernel always tells. */
export interface Details {
  /** Memory, as `-m`. */
  readonly memory?: boolean;
  /** tcp_info and its like, as `-i`. */
  readonly info?: boolean;
  /** Type of service, as `--tos`. */
  readonly tos?: boolean;
  /** The owner of sockets whose family does not tell it unasked: UNIX sockets. */
  readonly uid?: boolean;
  /** What a family has more, as `-e`. */
  readonly extended?: boolean;
  /** Everything that BPF programs have stored with an inet socket, as `--bpf-maps`. */
  readonly bpfMaps?: boolean;
  /** What they have stored in these maps, as `--bpf-map-id`. */
  readonly bpfMapIds?: readonly number[];
  /** Descriptors of these maps, by which the kernel knows them; without any it is asked for everything. */
  readonly bpfMapFds?: readonly number[];
}

/** How the sockets of one family are asked for and told apart. */
export interface FamilyDump<S extends DiagMessage> {
  /** The payload of the request. */
  request(details: Details, states: number): Uint8Array;
  /** Bytes that a message must have for a view of it to be made. */
  readonly minimum: number;
  /** The view of a message. */
  readonly View: new (
    data: DataView,
    offset: number,
    length: number,
    origin: Origin,
  ) => S;
  /** Whether the kernel tells enough; if not, it is an old one, and sockets are read in /proc. */
  complete?(socket: S): boolean;
  /** Whether a socket belongs to the tables that are asked for, as far as the kernel does not see to that. */
  selected(socket: S, selection: Selection): boolean;
}
