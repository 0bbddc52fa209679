/** Hides attributes that were requested only for the filter. */
import { inetAttributes } from "./layouts/inet-diag.ts";
import { InetSocket } from "./socket.ts";

/**
 * Makes a function that hides attributes of a socket: the filter needed them, and the output must not show them.
 *
 * @param extensions INET_DIAG_EXT bits that only the filter requested
 */
export function hideAttributes(extensions: number): (socket: InetSocket) => InetSocket {
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
    // Sockets from /proc have no attributes.
    if (socket.procfs !== undefined) return socket;
    return new Shown(socket.data, socket.offset, socket.length, socket.origin);
  };
}
