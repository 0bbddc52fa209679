/** The kernel's trace events of TCP: changes of state, ends, retransmissions, resets, errors. */
import type { EventSource } from "../event-source.ts";
import { openTraceSource, traceAvailability } from "../trace-reader.ts";

const events = ["state", "destroy", "retransmit", "reset", "error"] as const;

/** The source `tracefs`. */
export const tracefsSource: EventSource = {
  name: "tracefs",
  doc: "the kernel's trace events of TCP: sock:inet_sock_set_state and those of tcp",
  missing: "changes of state between two listings, failed connects, processes of short connections",
  covers: ["tcpStates"],

  availability(host, { tables }) {
    if (!tables.has("tcp")) return { obstacle: "it reports TCP, which is not selected", irrelevant: true };
    return traceAvailability(host.files, events);
  },

  open(context) {
    return openTraceSource(context, "tracefs", events, (record) => context.join.trace(record));
  },
};
