/** Processes that run out of descriptors. */
import { plural } from "../plural.ts";
import { rule } from "../rule.ts";

/** Compares the open descriptors of each process with its RLIMIT_NOFILE. Reads no sockets. */
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
    "A server then accepts no more connections, often without a message.",
  advice: [
    { text: "List the descriptors", command: "ls -l /proc/PID/fd", scope: "host" },
    {
      text: "Count its sockets by state; many in CLOSE-WAIT are a leak",
      command: "nsenter -t PID -n -- sockscope -tanp pid = PID --by state",
      scope: "host",
    },
    {
      text: "Raise the limit of the running process",
      command: "prlimit --pid PID --nofile=65536",
      scope: "host",
    },
    { text: "Raise it for good: LimitNOFILE= of its systemd unit" },
  ],
  hostWide: true,
  check({ descriptors, thresholds: { share, full } }) {
    return descriptors()
      .filter(({ open, limit }) => open * 100 >= limit * share)
      .sort((a, b) => b.open / b.limit - a.open / a.limit)
      .map(({ pid, name, open, limit }) => ({
        severity: open * 100 >= limit * full ? "critical" : "warning",
        subject: `pid ${pid}`,
        title: `${name} (pid ${pid}) has ${plural(open, "descriptor")} open, and its limit is ${limit}`,
        values: { pid, open, limit },
        fill: { PID: pid },
      }));
  },
});
