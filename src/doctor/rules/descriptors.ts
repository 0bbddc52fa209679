/** Processes that run out of descriptors. */
import { plural } from "../plural.ts";
import { type Finding, rule } from "../rule.ts";
import type { HostFacts } from "../sample.ts";

/** Processes of one name that have a finding each. More are one finding. */
const MOST_ALIKE = 3;
/** Process ids that such a finding names. */
const MOST_NAMED = 10;

type Process = ReturnType<HostFacts["descriptors"]>[number];

/** @param full percent of the limit that are critical */
function alone({ pid, name, open, limit }: Process, full: number): Finding {
  return {
    severity: open * 100 >= limit * full ? "critical" : "warning",
    subject: `pid ${pid}`,
    title: `${name} (pid ${pid}) has ${plural(open, "descriptor")} open, and its limit is ${limit}`,
    values: { pid, open, limit },
    fill: { PID: pid },
  };
}

/** The finding about many processes of one name. @param same the worst first */
function together(same: readonly Process[], full: number): Finding {
  const worst = alone(same[0]!, full);
  const { name, pid, open, limit } = same[0]!;
  const others = same.slice(1, 1 + MOST_NAMED).map((each) => each.pid);
  const more = same.length - 1 - others.length;
  return {
    ...worst,
    subject: name,
    title: `${same.length} processes of ${name} are near their limit of descriptors: pid ${pid} has ${open} open of ${limit}`,
    values: { ...worst.values, processes: same.length },
    evidence: [`The others are pid ${others.join(", ")}${more > 0 ? ` and ${more} more` : ""}`],
  };
}

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
    const near = descriptors()
      .filter(({ open, limit }) => open * 100 >= limit * share)
      .sort((a, b) => b.open / b.limit - a.open / a.limit);
    return [...Map.groupBy(near, ({ name }) => name).values()].flatMap((same) =>
      same.length > MOST_ALIKE ? [together(same, full)] : same.map((each) => alone(each, full)),
    );
  },
});
