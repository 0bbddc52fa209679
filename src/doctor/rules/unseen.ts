/** What could not be looked at. */

import { plural } from "../plural.ts";
import { type Finding, rule } from "../rule.ts";

/** Reports sockets that could not be listed and processes that could not be read. */
export const unseen = rule({
  id: "unseen",
  title: "Not everything could be seen",
  severity: "warning",
  reads: ["which processes' descriptors may be read", "what the kernel refused to list"],
  thresholds: {},
  why:
    "What is not seen cannot be found: sockets that could not be listed, and the processes that hold sockets. " +
    "No finding of another rule is then no proof that all is well.",
  advice: [
    { text: "Run it as root", command: "sudo sockscope doctor" },
    {
      text: "Or let it read what other users' processes have open",
      command: "setcap cap_sys_ptrace,cap_dac_read_search,cap_net_admin+ep sockscope",
    },
  ],
  hostWide: true,
  check({ unreadable, unlisted }) {
    const findings: Finding[] = [];
    const lines = unlisted();
    if (lines.length > 0)
      findings.push({ severity: "warning", title: "Not all sockets could be listed", evidence: lines });
    const processes = unreadable().length;
    if (processes > 0)
      findings.push({
        severity: "info",
        title: `The descriptors of ${plural(processes, "process", "processes")} may not be read, so that their sockets show no owner`,
        values: { processes },
      });
    return findings;
  },
});
