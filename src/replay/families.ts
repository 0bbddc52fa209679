/** The families of the replayed kernel, one line each. */
import { replayedInet } from "../families/inet/replayed.ts";
import { replayedNetlink } from "../families/netlink/replayed.ts";
import { replayedPacket } from "../families/packet/replayed.ts";
import type { ReplayedFamily } from "../families/replayed.ts";
import { replayedTipc } from "../families/tipc/replayed.ts";
import { replayedUnix } from "../families/unix/replayed.ts";
import { replayedVsock } from "../families/vsock/replayed.ts";
import { replayedXdp } from "../families/xdp/replayed.ts";
import type { Kind } from "../model/selection.ts";

const byKind: Readonly<Record<Kind, ReplayedFamily>> = {
  inet: replayedInet,
  unix: replayedUnix,
  packet: replayedPacket,
  netlink: replayedNetlink,
  vsock: replayedVsock,
  tipc: replayedTipc,
  xdp: replayedXdp,
};

/** The families by AF_*. */
export const replayedFamilies: ReadonlyMap<number, ReplayedFamily> = new Map(
  Object.values(byKind).flatMap((family) => family.families.map((number) => [number, family] as const)),
);
