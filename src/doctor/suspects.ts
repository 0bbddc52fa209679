/** Sockets that are kept beyond their batch: those that a rule suspects. */
import type { DiagMessage } from "../diag/message.ts";
import type { Socket } from "../families/socket.ts";
import type { Collector } from "./rule.ts";

/** A copy of a socket that stays valid. */
export function keep<S extends Socket>(socket: S): S {
  // One that was read in /proc has its bytes to itself.
  if ("procfs" in socket && socket.procfs !== undefined) return socket;
  const { data, offset, length, origin } = socket;
  const copy = data.buffer.slice(data.byteOffset + offset, data.byteOffset + offset + length);
  const View = socket.constructor as new (
    ...arguments_: ConstructorParameters<typeof DiagMessage>
  ) => DiagMessage;
  return new View(new DataView(copy as ArrayBuffer), 0, length, origin) as Socket as S;
}

/** Keeps the sockets that a test picks. */
export function suspects<S extends Socket>(test: (socket: S) => boolean): Collector<readonly S[]> {
  const gathered: S[] = [];
  return {
    see(socket) {
      if (test(socket as S)) gathered.push(keep(socket as S));
    },
    gathered,
  };
}

/** The inodes of sockets that have one. */
export function* inodesOf(sockets: Iterable<Socket>): Generator<number> {
  for (const { inode } of sockets) if (inode) yield inode;
}
