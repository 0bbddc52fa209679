/** Processes that run out of descriptors. */

import { plural } from "../plural.ts";
import { rule } from "../rule.ts";

/** Finds processes near RLIMIT_NOFILE. Reads no sockets. */
export const descriptors = rule({
  id: "descriptors",
  title: "A process is near its limit of descriptors",
  severity: "critical",
  reads: ["how many descriptors each process has open", "Max open files of /proc/PID/limits"],
  thresholds: {
    share: {
      value: 80,
      quantity: "percent",
      doc: "of the soft limit open for a warning: time to look for a leak",
    },
    full: {
      value: 95,
      quantity: "percent",
      doc: "of the soft limit open to be critical: a burst of connections fails",
    },
  },
  why:
    "Each socket takes a descriptor, and at the limit socket(), accept() and open() fail with EMFILE. " +
    "A server then takes no connection any more, often without a word.",
  advice: [
    { text: "See what the descriptors are", command: "ls -l /proc/PID/fd" },
    {
      text: "See the sockets by state: many in CLOSE-WAIT are a leak",
      command: "sockscope -tanp pid = PID --by state",
    },
    { text: "Raise the limit of the running process", command: "prlimit --pid PID --nofile=65536" },
    { text: "Raise it for good: LimitNOFILE= of its systemd unit" },
  ],
  hostWide: true,
  check({ descriptors, thresholds: { share, full } }) {
    return descriptors()
      .filter(({ open, limit }) => open * 100 >= limit * share)
      .sort((a, b) => b.open / b.limit - a.open / a.limit)
      .map(({ pid, name, open, limit }) => ({
        severity: open * 100 >= limit * full ? "critical" : "warning",
        title: `${name} (pid ${pid}) has ${plural(open, "descriptor")} open, of ${limit} at most`,
        values: { pid, open, limit },
        fill: { PID: pid },
      }));
  },
});
