/** Sockets and processes that could not be examined. */
import { plural } from "../plural.ts";
import { type Finding, rule } from "../rule.ts";

/** Reports sockets that could not be listed, and processes whose descriptors could not be read. */
export const unseen = rule({
  id: "unseen",
  title: "Not everything could be examined",
  severity: "warning",
  reads: ["which processes' descriptors may be read", "what the kernel refused to list"],
  thresholds: {},
  why:
    "The doctor cannot judge sockets that it could not list, nor name the processes that hold sockets. " +
    "A run without findings is then no proof that all is well.",
  // No file capabilities: whoever may start such a file has them too, and cap_sys_ptrace is as good as root.
  advice: [{ text: "Run it as root", command: "sudo sockscope doctor", scope: "host" }],
  hostWide: true,
  check({ unreadable, unlisted }) {
    const findings: Finding[] = [];
    const lines = unlisted();
    if (lines.length > 0)
      findings.push({
        severity: "warning",
        subject: "sockets",
        title: "Not all sockets could be listed",
        evidence: lines,
      });
    const processes = unreadable().length;
    if (processes > 0)
      findings.push({
        severity: "info",
        subject: "processes",
        title: `The descriptors of ${plural(processes, "process", "processes")} could not be read, so their sockets show no owner`,
        values: { processes },
      });
    return findings;
  },
});
