/** How one request lists a family. */
import type { DiagMessage, Origin } from "../diag/message.ts";
import type { Demands } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";

/** How the sockets of one family are listed over netlink, and distinguished. */
export interface FamilyDump<S extends DiagMessage> {
  /** The payload of the request. */
  request(demands: Demands, states: number): Uint8Array;
  /** Bytes that a message must have for a view of it to be made. */
  readonly minimum: number;
  /** The view of a message. */
  readonly View: new (
    data: DataView,
    offset: number,
    length: number,
    origin: Origin,
  ) => S;
  /** Whether the kernel sends enough; if not, it is an old one, and sockets are read in /proc. */
  complete?(socket: S): boolean;
  /** The same as `selected` of a message, without a view of it. Families whose rows are written straight have it. */
  readonly selectedAt?: (data: DataView, offset: number, selection: Selection) => boolean;
  /** Whether a socket belongs to the selected tables, as far as the kernel does not see to that. */
  selected(socket: S, selection: Selection): boolean;
}
