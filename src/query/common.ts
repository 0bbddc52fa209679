/** Helpers that all ways of listing sockets share. */
import type { Origin } from "../diag/message.ts";
import type { Socket } from "../families/socket.ts";
import type { TableQuery } from "./query.ts";

/** The origin of a table's sockets, which they share. */
export function originOf(
  { describe, netns }: Pick<Origin, "netns"> & Pick<TableQuery, "describe">,
  protocol: number,
): Origin {
  return { protocol, describe, netns };
}

/** Allocates buffers for datagrams: a new one each time, or always the same one. */
export function allocator(keep: boolean): (size: number) => Uint8Array {
  if (keep) return (size) => new Uint8Array(size);
  let buffer = new Uint8Array(1 << 15);
  return (size) => {
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
}

/** Whether a socket matches the filter. Also reports malformed attributes. */
export function admits({ predicate, report }: TableQuery, socket: Socket): boolean {
  const shown = predicate?.accepts(socket) ?? true;
  const { malformed } = socket;
  if (malformed !== undefined) report({ kind: "malformed", ...malformed, shown });
  return shown;
}
