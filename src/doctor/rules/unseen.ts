/** What the doctor could not look at. */
import { type Finding, rule } from "../rule.ts";
import { counted } from "../words.ts";

/** See {@link rule}. */
export const unseen = rule({
  id: "unseen",
  title: "Not everything could be seen",
  severity: "warning",
  reads: ["which processes' descriptors may be read", "what the kernel refused to list"],
  thresholds: {},
  why:
    "The doctor cannot judge sockets that could not be listed, or name processes whose descriptors it may not read. " +
    "If another rule finds nothing, that does not prove that all is well.",
  // No file capabilities: whoever may start such a file has them too, and cap_sys_ptrace is as good as root.
  advice: [{ text: "Run it as root", command: "sudo sockscope doctor" }],
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
        title: `The descriptors of ${counted(processes, "process", "processes")} cannot be read, so their sockets show no owner`,
        values: { processes },
      });
    return findings;
  },
});
