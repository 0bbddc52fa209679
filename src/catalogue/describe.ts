/** The plain object of a socket of any kind. */

import { inetColumns } from "../families/inet/fields.ts";
import { netlinkColumns } from "../families/netlink/fields.ts";
import { packetColumns } from "../families/packet/fields.ts";
import { tipcColumns } from "../families/tipc/fields.ts";
import { unixColumns } from "../families/unix/fields.ts";
import { vsockColumns } from "../families/vsock/fields.ts";
import { xdpColumns } from "../families/xdp/fields.ts";
import { type Column, describer } from "../fields/column.ts";
import { type NameSource, noNames } from "../fields/names.ts";
import { placeColumns } from "../fields/places.ts";
import type { Json } from "../model/json.ts";
import { allTables, type Kind, kindsOf } from "../model/selection.ts";

const tables = {
  inet: inetColumns,
  unix: unixColumns,
  packet: packetColumns,
  netlink: netlinkColumns,
  vsock: vsockColumns,
  tipc: tipcColumns,
  xdp: xdpColumns,
} as const satisfies Readonly<Record<Kind, unknown>>;

/** The columns of one kind of socket. */
export function columnsOf(kind: Kind, names: NameSource): readonly Column<unknown>[] {
  return [...tables[kind](names), ...placeColumns(names)] as readonly Column<unknown>[];
}

/** All kinds, in the order of the tables. */
export const kinds: readonly Kind[] = [...kindsOf({ tables: new Set(allTables) })];

/** The columns of each kind of socket. */
export function columnsByKind(names: NameSource): Readonly<Record<Kind, readonly Column<unknown>[]>> {
  const columns = kinds.map((kind) => [kind, columnsOf(kind, names)] as const);
  return Object.fromEntries(columns) as Record<Kind, readonly Column<unknown>[]>;
}

type Describe = (socket: { readonly kind: Kind }) => { readonly [key: string]: Json };

/** The functions that have been made, as long as their names are in use. */
const made = new WeakMap<NameSource, Describe>();

/** The function that gives the plain object of a socket: what `--json` prints and `toJSON()` gives. */
export function describers(names: NameSource): Describe {
  let known = made.get(names);
  if (known === undefined) {
    known = makeDescribers(names);
    made.set(names, known);
  }
  return known;
}

function makeDescribers(names: NameSource): Describe {
  const byKind = new Map<Kind, Describe>();
  return (socket) => {
    let describe = byKind.get(socket.kind);
    if (describe === undefined) {
      describe = describer(columnsOf(socket.kind, names));
      byKind.set(socket.kind, describe);
    }
    return describe(socket);
  };
}

/** The plain object of a socket without names for its numbers: what `toJSON()` of the library gives. */
export function describeBare(socket: object): { readonly [key: string]: Json } {
  return describers(noNames)(socket as { readonly kind: Kind });
}
