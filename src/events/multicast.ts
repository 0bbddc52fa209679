/** Netlink multicast groups as sources of events: datagrams are taken in each round, drops are counted. */
import { libc } from "#libc";
import type { Host } from "../host/host.ts";
import type { Netns } from "../host/namespaces.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { pending } from "../netlink/transport.ts";
import { dropsOf } from "../procfs/drops.ts";
import type { FollowedPlace, OpenSource } from "./event-source.ts";
import type { PlaceNumber } from "./tracked.ts";

const EPERM = 1;
const ENOENT = 2;
const EPROTONOSUPPORT = 93;
const ENOBUFS = 105;
/** Datagrams of one netlink socket in a round. */
const DATAGRAMS_A_ROUND = 8192;

/** Why a netlink socket with these groups cannot be opened; undefined if it can. */
export function netlinkObstacle({ transport }: Host, protocol: number, groups: number): string | undefined {
  try {
    transport.open(protocol, groups).close();
    return undefined;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.errno === EPERM) return "it needs root (CAP_NET_ADMIN)";
    if (error.errno === ENOENT || error.errno === EPROTONOSUPPORT) return "the kernel does not have it";
    return libc.strerror(error.errno);
  }
}

/** The receiver of a source's datagrams. */
interface Visitor {
  /** Whether to leave datagrams to the kernel for now. */
  isCrowded(): boolean;
  /** Takes a datagram, which is valid during the call. */
  visit(place: PlaceNumber, datagram: Uint8Array): void;
  /** Takes the number of dropped datagrams; undefined if the kernel does not count them. */
  lost(count: number | undefined, netns: Netns | undefined): void;
}

/**
 * Joins multicast groups in every place, also in a place that is added later.
 *
 * @param groups their mask, bit 0 is group 1
 * @throws NetlinkError if one of the places refuses
 */
export function joinInEveryPlace(
  places: ReadonlyMap<PlaceNumber, FollowedPlace>,
  protocol: number,
  groups: number,
  { visit, lost, isCrowded }: Visitor,
): OpenSource {
  const joined = new Map<PlaceNumber, Multicast>();
  const close = () => {
    for (const multicast of joined.values()) multicast.close();
    joined.clear();
  };
  const added = (number: PlaceNumber, { host, netns }: FollowedPlace) =>
    joined.set(number, { ...joinGroups(host, protocol, groups), netns });
  /** @returns whether more is waiting */
  const takeFrom = (place: PlaceNumber, multicast: Multicast): boolean => {
    const taken = multicast.take(DATAGRAMS_A_ROUND, (datagram) => visit(place, datagram));
    if (taken.lost !== 0) lost(taken.lost, multicast.netns);
    return taken.more;
  };
  try {
    for (const [number, place] of places) added(number, place);
  } catch (error) {
    close();
    throw error;
  }
  return {
    take() {
      if (isCrowded()) return true;
      let more = false;
      for (const [place, multicast] of joined) if (takeFrom(place, multicast)) more = true;
      return more;
    },
    added,
    abandon() {
      let count = 0;
      for (const [, multicast] of joined) {
        const { lost: dropped = 0 } = multicast.take(Number.POSITIVE_INFINITY, () => count++);
        count += dropped;
      }
      return count;
    },
    removed(place) {
      const multicast = joined.get(place);
      if (multicast === undefined) return;
      joined.delete(place);
      // The last ends of its sockets, as long as there are no more than a round may take.
      takeFrom(place, multicast);
      multicast.close();
    },
    close,
  };
}

/** The result of one round of a socket. */
interface Taken {
  /** Whether more is waiting. */
  readonly more: boolean;
  /** Messages that the kernel has dropped since the last round; undefined if it does not count them. */
  readonly lost: number | undefined;
}

/** A socket that has joined multicast groups. */
interface Multicast extends Joined {
  readonly netns: Netns | undefined;
}

/** A socket that has joined multicast groups, wherever it is. */
interface Joined {
  /** Takes up to `limit` datagrams. @param visit takes each, which is valid during the call */
  take(limit: number, visit: (datagram: Uint8Array) => void): Taken;
  close(): void;
}

function joinGroups({ transport, files }: Host, protocol: number, groups: number): Joined {
  const socket = transport.open(protocol, groups);
  let buffer = new Uint8Array(1 << 15);
  const allocate = (size: number) => {
    if (size > buffer.length) buffer = new Uint8Array(size);
    return buffer;
  };
  let dropped = 0;
  // After the first drop the kernel reports no other until all queued datagrams have been received.
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

  /** Messages dropped since the last call. @param certain whether there were any */
  function lostSince(certain: boolean): number | undefined {
    const drops = dropsOf(files, socket.portId);
    if (drops === undefined) return certain ? undefined : 0;
    const since = drops - dropped;
    dropped = drops;
    return since === 0 && certain ? undefined : since;
  }
}
