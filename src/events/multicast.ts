/** Netlink multicast groups as sources of events: what came is taken in each round, and what was lost is counted. */
import type { Host } from "../host/host.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { pending } from "../netlink/transport.ts";
import { dropsOf } from "../procfs/drops.ts";

const ENOBUFS = 105;

/** What came in one round. */
export interface Taken {
  /** Whether there is more to take. */
  readonly more: boolean;
  /** How many messages the kernel has dropped since the last round, 0 for none; undefined if it does not tell. */
  readonly lost: number | undefined;
}

/** Multicast groups that are listened to. */
export interface Multicast {
  /** Takes up to `limit` datagrams. @param visit gets each; it is valid during the call */
  take(limit: number, visit: (datagram: Uint8Array) => void): Taken;
  close(): void;
}

/**
 * Joins multicast groups.
 *
 * @param host whose transport does not wait
 * @param groups their mask, bit 0 is group 1
 * @throws NetlinkError if they may not be listened to
 */
export function joinGroups({ transport, files }: Host, protocol: number, groups: number): Multicast {
  const socket = transport.open(protocol, groups);
  let buffer = new Uint8Array(1 << 15);
  const allocate = (size: number) => {
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
  let dropped = 0;
  // From the first drop until all that waited is received, the kernel drops without a further word.
  let congested = false;
  return {
    take(limit, visit) {
      let overrun = false;
      for (let count = 0; count < limit; count++) {
        let datagram: Uint8Array;
        try {
          datagram = socket.receive(allocate);
        } catch (error) {
          if (!(error instanceof NetlinkError) || error.errno !== ENOBUFS) throw error;
          overrun = true;
          congested = true;
          continue;
        }
        if (datagram === pending || datagram.length === 0) {
          const lost = overrun || congested ? lostSince(overrun) : 0;
          congested = false;
          return { more: false, lost };
        }
        visit(datagram);
      }
      return { more: true, lost: overrun ? lostSince(true) : 0 };
    },
    close: () => socket.close(),
  };

  /** How many were dropped since this was asked last. @param certain whether there were any */
  function lostSince(certain: boolean): number | undefined {
    const drops = dropsOf(files, socket.portId);
    if (drops === undefined) return certain ? undefined : 0;
    const since = drops - dropped;
    dropped = drops;
    return since === 0 && certain ? undefined : since;
  }
}
