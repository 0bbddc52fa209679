/** Sockets that lose what they are sent: how many packets, and how many of them between the samples. */
import type { SkMemInfo } from "../diag/memory.ts";
import type { Socket } from "../families/socket.ts";
import type { Collector } from "./rule.ts";
import type { Samples } from "./sample.ts";
import { keep } from "./suspects.ts";

/** A socket that tells of its memory. */
type WithMemory = Socket & { readonly memory: SkMemInfo | undefined };

/** Packets that a socket has lost since it was opened. */
export function dropsOf({ memory }: WithMemory): number {
  return memory?.drops ?? 0;
}

/** Keeps the sockets that have lost something. */
export function losers<S extends WithMemory>(): Collector<readonly S[]> {
  const gathered: S[] = [];
  return {
    gathered,
    see(socket) {
      if (dropsOf(socket as S) > 0) gathered.push(keep(socket as S));
    },
  };
}

/** A socket that has lost something. */
export interface Loss<S> {
  readonly socket: S;
  /** Packets between the samples; since it was opened, if there was only one. */
  readonly packets: number;
}

/** What was lost between the samples, or if there is only one, so far: most first. */
export function lossesOf<S extends WithMemory>({
  first,
  last,
  elapsedMs,
}: Samples<readonly S[], string>): Loss<S>[] {
  const before = new Map(
    elapsedMs === 0 ? [] : first.gathered.map((socket) => [socket.cookie, dropsOf(socket)]),
  );
  // A netlink socket that has joined a group may be listed twice.
  const sockets = new Map(last.gathered.map((socket) => [socket.cookie, socket]));
  return [...sockets.values()]
    .map((socket) => ({ socket, packets: dropsOf(socket) - (before.get(socket.cookie) ?? 0) }))
    .filter(({ packets }) => packets > 0)
    .sort((a, b) => b.packets - a.packets);
}
