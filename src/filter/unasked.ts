/** Sockets as they would be if a filter had not asked for more than is to be shown. */

import { inetAttributes } from "../families/inet/layouts/inet-diag.ts";
import { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";

/**
 * Makes the function that hides attributes which the kernel sent for the filter's sake alone.
 *
 * @param extensions the bits of INET_DIAG_EXT that only the filter has asked for
 */
export function hideUnasked(extensions: number): <S extends Socket>(socket: S) => S {
  const hidden = new Set<number>();
  for (const attribute of Object.values(inetAttributes))
    if ("requestedBy" in attribute && (attribute.requestedBy & extensions) !== 0) hidden.add(attribute.id);
  if (hidden.size === 0) return (socket) => socket;
  const Shown = class extends InetSocket {
    override attribute(type: number): number {
      return hidden.has(type) ? 0 : super.attribute(type);
    }
  };
  return (socket) => {
    // What /proc tells comes in no attributes.
    if (socket.kind !== "inet" || socket.procfs !== undefined) return socket;
    return new Shown(socket.data, socket.offset, socket.length, socket.origin) as unknown as typeof socket;
  };
}
