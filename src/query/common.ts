/** What all ways of listing sockets share. */
import { describers } from "../catalogue/describe.ts";
import type { Origin } from "../diag/message.ts";
import { once } from "../enrich/once.ts";
import type { Socket } from "../families/socket.ts";
import { noNames } from "../fields/names.ts";
import type { Query } from "./query.ts";

/** The plain object of a socket without names for its numbers. */
export const describeBare: Origin["describe"] = (socket) => bareDescribers()(socket as Socket);
const bareDescribers = once(() => describers(noNames));

/** What the sockets of one table share. */
export function originOf(
  { describe = describeBare, netns }: Pick<Origin, "netns"> & Pick<Query, "describe">,
  protocol: number,
): Origin {
  return { protocol, describe, netns };
}

/** The buffers of datagrams: a new one each, or the same one again. */
export function allocator(keep: boolean): (size: number) => Uint8Array {
  if (keep) return (size) => new Uint8Array(size);
  let buffer = new Uint8Array(1 << 15);
  return (size) => {
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
}

/** Whether a socket passes the filter; reports it if its attributes are malformed. */
export function admits({ predicate, report }: Query, socket: Socket): boolean {
  const shown = predicate?.accepts(socket) ?? true;
  const { malformed } = socket;
  if (malformed !== undefined) report({ kind: "malformed", ...malformed, shown });
  return shown;
}
