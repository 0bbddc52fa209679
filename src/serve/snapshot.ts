/** The sockets of one moment: what every route reads rows from. */
import type { Catalog } from "../catalogue/catalog.ts";
import type { Socket } from "../families/socket.ts";
import type { NameSource } from "../fields/names.ts";
import type { SocketsBySlot } from "../live/messages.ts";
import type { Sample, SocketTable } from "../live/table.ts";
import type { Demands } from "../model/demand.ts";
import type { Table } from "../model/selection.ts";
import { tables as tableRows } from "../model/selection.ts";
import type { OpenQuery } from "../query/open.ts";
import type { Span } from "../store/reader.ts";
import type { OwnerKeeper } from "./owners.ts";

/** What somebody wants to know of sockets. */
export interface Wants {
  readonly tables: ReadonlySet<Table>;
  /** What the kernel must send beyond what it always sends. */
  readonly demands: Demands;
  /** Whether the owners of sockets decide which rows are shown, so that the answer waits for them. */
  readonly owners?: boolean;
}

/** The sockets of one moment. They are valid while somebody holds them: `Sampler.sample` does for its `use`. */
export interface Snapshot {
  /** Counts samples; 0 for a moment of the past. */
  readonly generation: number;
  /** When it was taken, in milliseconds since 1970. */
  readonly timeMs: number;
  /** How long it took to take, in milliseconds. */
  readonly durationMs: number;
  readonly wants: Wants;
  readonly table: SocketTable;
  readonly summary: Sample;
  readonly owners: OwnerKeeper;
  readonly query: OpenQuery;
  readonly names: NameSource;
  readonly catalog: Catalog;
  /** The sockets by their slots in the table; a slot without a socket is free, or was taken after this snapshot. */
  readonly sockets: SocketsBySlot;
  /** The span whose connections these are; undefined for the sockets of a moment. */
  readonly span?: Span;
  /** Whether the span has more connections than fit. */
  readonly cut?: boolean;
  /** What could not be listed, one sentence each. */
  readonly notes: readonly string[];
}

/** Values of `type` in the messages of families with several tables. socket(2). */
const tableOfType: Readonly<Partial<Record<Socket["kind"], Readonly<Record<number, Table>>>>> = {
  unix: { 1: "unix_stream", 2: "unix_dgram", 5: "unix_seqpacket" },
  packet: { 2: "packet_dgram", 3: "packet_raw" },
  vsock: { 1: "vsock_stream", 2: "vsock_dgram" },
};

/** The table that a dump lists alone; undefined for a dump of a family with several. */
export function tableNamed(dump: string): Table | undefined {
  return Object.hasOwn(tableRows, dump) ? (dump as Table) : undefined;
}

/** The table of a socket, by the dump that listed it. */
export function tableOf(dump: string, socket: Socket): Table | undefined {
  const types = tableOfType[socket.kind];
  if (types === undefined) return tableNamed(dump);
  return types[(socket as { readonly type?: number }).type ?? 0];
}
