/** Writes rows of any kind of socket. Loads all families. */
import { allFamilies } from "../families/all.ts";
import { familyOf } from "../families/index.ts";
import type { Socket } from "../families/socket.ts";
import type { Names, Style } from "../table/style.ts";
import type { Table } from "../table/table.ts";

/** Writes the row of a socket in ss's table. */
export function writeRow(table: Table, socket: Socket, style: Style, names: Names): void {
  familyOf(allFamilies, socket.kind).writeRow(table, socket, style, names);
}
