/** The destroy groups of sock_diag: every TCP and UDP socket at its end. linux/sock_diag.h; Linux 4.3. */

import { describeBare } from "../../catalogue/describe.ts";
import { destroyedSockets, destroyGroups } from "../../families/inet/destroyed.ts";
import { IPPROTO_UDP } from "../../model/family.ts";
import { NETLINK_SOCK_DIAG } from "../../netlink/constants.ts";
import { monotonicNs } from "../clock.ts";
import type { EventSource } from "../event-source.ts";
import { joinInEveryPlace, netlinkObstacle } from "../multicast.ts";
import { keptSocket } from "../socket-message.ts";

/** The source `destroy`. */
export const destroySource: EventSource = {
  name: "destroy",
  doc: "sock_diag's multicast groups for destroyed TCP and UDP sockets",
  missing: "ends of connections that begin and end between two listings",
  covers: ["ends"],

  availability(host, selection) {
    const obstacle = netlinkObstacle(host, NETLINK_SOCK_DIAG, destroyGroups(selection));
    return obstacle === undefined ? {} : { obstacle };
  },

  open({ options, places, origin, observe, clock, join, flows, isCrowded, lose }) {
    return joinInEveryPlace(places, NETLINK_SOCK_DIAG, destroyGroups(options.selection), {
      visit(place, datagram) {
        const ns = monotonicNs();
        for (const found of destroyedSockets(datagram, describeBare)) {
          // Read once: reading another socket in between would walk the attributes again.
          const { protocol } = found.origin;
          const socket = keptSocket(found, origin(place, protocol));
          observe(ns, () => {
            if (protocol === IPPROTO_UDP) flows.socketEnded(place, socket.sport);
            join.destroyed(place, socket, clock.wallMs(ns));
          });
        }
      },
      isCrowded,
      lost: (count, netns) => lose("destroy", count, netns),
    });
  },
};
