/** The kernel's trace events of route lookups: the destinations and senders of UDP datagrams. */
import { IPPROTO_UDP } from "../../model/family.ts";
import type { EventSource } from "../event-source.ts";
import { UdpFlows } from "../flows.ts";
import { openTraceSource, traceAvailability } from "../trace-reader.ts";

const events = ["route", "route6"] as const;

/** The source `fib`. */
export const fibSource: EventSource = {
  name: "fib",
  doc: "the kernel's trace events of route lookups, which UDP makes when it sends (experimental)",
  missing: "UDP senders whose socket is not connected",
  covers: [],

  availability(host, { tables }) {
    if (!tables.has("udp")) return { obstacle: "it reports UDP, which is not selected", irrelevant: true };
    return traceAvailability(host.files, events);
  },

  open(context) {
    const { owners, clock, flows, origin, placeOf } = context;
    return openTraceSource(context, "fib", events, (record) => {
      if (!UdpFlows.isOwn(record)) return;
      const sender = owners.byThread(record.tid, record.ns);
      const inode = owners.netns(record.tid, record.ns);
      const timeMs = clock.wallMs(record.ns);
      // The process is gone. The end of its socket will have its place.
      if (inode === undefined)
        return flows.routedSomewhere(record, timeMs, sender, (place) => origin(place, IPPROTO_UDP));
      const place = placeOf(inode);
      if (place !== undefined)
        flows.routed(record, timeMs, sender, { place, origin: origin(place, IPPROTO_UDP) });
    });
  },
};
