/** What a family of sockets adds to the pipeline. Each has a folder, whose index.ts puts it together. */
import type { DiagMessage, Origin } from "../diag/message.ts";
import type { Demands } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";
import type { Names, Style } from "../table/style.ts";
import type { Table } from "../table/table.ts";

/** How the sockets of one family are listed over netlink, and told apart. */
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
  /** Whether a socket belongs to the selected tables, as far as the kernel does not see to that. */
  selected(socket: S, selection: Selection): boolean;
}

/** A family of sockets. */
export interface Family<S extends DiagMessage> {
  /** How one request lists it; undefined for inet, whose tables have a request each. */
  readonly dump?: FamilyDump<S>;
  /** Writes the row of a socket in ss's table. */
  writeRow(table: Table, socket: S, style: Style, names: Names): void;
}
