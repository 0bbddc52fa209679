/** Conntrack's multicast groups: flows of UDP with their counters. */
import type { Host } from "../../host/host.ts";
import { IPPROTO_UDP } from "../../model/family.ts";
import { NETLINK_NETFILTER } from "../../netlink/constants.ts";
import { monotonicNs } from "../clock.ts";
import { CONNTRACK_GROUPS, conntrackFlows } from "../conntrack-decode.ts";
import type { EventSource } from "../event-source.ts";
import { joinInEveryPlace, netlinkObstacle } from "../multicast.ts";

const decoder = new TextDecoder();

/** How many flows conntrack has in a network namespace; undefined if there is no conntrack. */
function trackedFlows({ files }: Host): number | undefined {
  try {
    return Number(decoder.decode(files.read("/proc/sys/net/netfilter/nf_conntrack_count")));
  } catch {
    return undefined;
  }
}

/** The source `conntrack`. */
export const conntrackSource: EventSource = {
  name: "conntrack",
  doc: "conntrack's multicast groups for UDP flows",
  missing: "ends of UDP flows and what they carried",
  covers: [],

  availability(host, { tables }) {
    if (!tables.has("udp")) return { obstacle: "it reports UDP, which is not selected", irrelevant: true };
    const count = trackedFlows(host);
    if (count === undefined) return { obstacle: "the kernel has no conntrack here" };
    const obstacle = netlinkObstacle(host, NETLINK_NETFILTER, CONNTRACK_GROUPS);
    if (obstacle !== undefined) return { obstacle };
    return count > 0 ? {} : { note: "no flow is tracked now: perhaps no firewall rule uses conntrack" };
  },

  open({ places, origin, clock, join, flows, observe, isCrowded, lose }) {
    return joinInEveryPlace(places, NETLINK_NETFILTER, CONNTRACK_GROUPS, {
      visit(place, datagram) {
        const ns = monotonicNs();
        const timeMs = clock.wallMs(ns);
        // The flows of a datagram keep their addresses in it.
        for (const flow of conntrackFlows(datagram.slice()))
          observe(ns, () => {
            const owners = join.ownerOfUdpPort(place, flow.sport);
            flows.tracked(flow, timeMs, owners, { place, origin: origin(place, IPPROTO_UDP) });
          });
      },
      isCrowded,
      lost: (count, netns) => lose("conntrack", count, netns),
    });
  },
};
