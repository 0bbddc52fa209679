/** Finds the network namespaces of sockets that only the trace has seen, by a sock_diag request in each. */

import { NETLINK_SOCK_DIAG } from "../netlink/constants.ts";
import type { NetlinkSocket } from "../netlink/transport.ts";
import { findByTuple } from "../query/refetch.ts";
import type { FollowedPlace } from "./event-source.ts";
import type { EventJoin } from "./join.ts";
import type { PlaceNumber } from "./tracked.ts";

/** The most sockets to locate in a round. */
const SOCKETS_A_ROUND = 64;

/** Locates sockets, with one conversation per place. */
export class SocketLocator implements Disposable {
  readonly #places: ReadonlyMap<PlaceNumber, FollowedPlace>;
  readonly #conversations = new Map<FollowedPlace, NetlinkSocket>();

  constructor(places: ReadonlyMap<PlaceNumber, FollowedPlace>) {
    this.#places = places;
  }

  /**
   * Locates the sockets whose place the join does not know.
   *
   * @param readMs up to when the trace was read, in milliseconds since 1970
   * @returns whether there are too many, so that a listing is the better way
   * @throws NetlinkError
   */
  locate(join: EventJoin, readMs: number): boolean {
    let count = 0;
    for (const socket of join.unplaced(readMs)) {
      for (const [number, place] of this.#places) {
        if (!place.mayPass(socket)) continue;
        const found = findByTuple(this.#conversation(place), socket);
        if (found !== undefined) join.placed(number, found);
      }
      if (++count >= SOCKETS_A_ROUND) return true;
    }
    return false;
  }

  /** Ends the conversation with a place. */
  removed(place: FollowedPlace): void {
    this.#conversations.get(place)?.close();
    this.#conversations.delete(place);
  }

  [Symbol.dispose](): void {
    for (const conversation of this.#conversations.values()) conversation.close();
    this.#conversations.clear();
  }

  #conversation(place: FollowedPlace): NetlinkSocket {
    let conversation = this.#conversations.get(place);
    if (conversation === undefined) {
      conversation = place.host.transport.open(NETLINK_SOCK_DIAG);
      this.#conversations.set(place, conversation);
    }
    return conversation;
  }
}
