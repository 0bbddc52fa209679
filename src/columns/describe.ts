/** The plain object of a socket of any kind. */
import type { Json } from "../diag/message.ts";
import { type Column, describer } from "./column.ts";
import { inetColumns } from "./inet.ts";
import type { NameSource } from "./names.ts";
import { netlinkColumns } from "./netlink.ts";
import { packetColumns } from "./packet.ts";
import { placeColumns } from "./places.ts";
import { tipcColumns } from "./tipc.ts";
import { unixColumns } from "./unix.ts";
import { vsockColumns } from "./vsock.ts";
import { xdpColumns } from "./xdp.ts";

/** The columns of each kind of socket. */
export function columnsByKind(names: NameSource) {
  const places = placeColumns(names);
  return {
    inet: [...inetColumns(names), ...places],
    unix: [...unixColumns(names), ...places],
    packet: [...packetColumns(names), ...places],
    netlink: [...netlinkColumns(names), ...places],
    vsock: [...vsockColumns(names), ...places],
    tipc: [...tipcColumns(names), ...places],
    xdp: [...xdpColumns(names), ...places],
  } as const;
}

/** A kind of socket. */
export type Kind = keyof ReturnType<typeof columnsByKind>;

/** All kinds, in the order of the tables. */
export const kinds: readonly Kind[] = ["inet", "unix", "packet", "netlink", "vsock", "tipc", "xdp"];

/** Makes the function that gives the plain object of a socket: what `--json` prints and `toJSON()` gives. */
export function describers(
  names: NameSource,
): (socket: { readonly kind: Kind }) => { readonly [key: string]: Json } {
  const describe = Object.fromEntries(
    Object.entries(columnsByKind(names)).map(([kind, columns]) => [
      kind,
      describer(columns as readonly Column<unknown>[]),
    ]),
  );
  return (socket) => describe[socket.kind]!(socket);
}
