/** `sockscope doctor`: finds problems with the sockets of this host. */
import { type Rule, severities } from "../../doctor/rule.ts";
import { rules } from "../../doctor/rules/index.ts";
import { readThreshold, spelling } from "../../doctor/threshold.ts";
import { pairRuleList } from "../../fleet/pair-finding.ts";
import { noStreamSettings, streamOptions } from "../fleet/stream-settings.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { OptionValue } from "../option.ts";
import type { Command } from "./command.ts";
import { type DoctorSettings, EXIT_FOUND } from "./doctor/settings.ts";

/** Long enough for counters to move, short enough to wait for. */
const APART_MS = 2000;
/** The longest time between samples: more than a day is a typing error. */
const APART_LIMIT_MS = 86_400_000;

function refuse(message: string): Stop {
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The value of an option that names one of some rules. */
function ruleId(some: readonly Rule[]): OptionValue {
  return { name: "ID", kind: "word", choices: some.map(({ id }) => id) };
}

/** The command. */
export const doctor: Command<DoctorSettings> = {
  doc:
    "Find problems with the sockets of this host, and say what to do about them. Each rule looks for one problem, " +
    "and shows the sockets and counters that are its evidence. Most rules need one sample; those that need a rate take two, --for apart. " +
    "Table options, --net, --all-netns and a filter restrict which sockets are examined; --replay examines a recording, which " +
    "is one sample. With --host, each host is examined, and then both ends of the connections between the hosts are " +
    "compared. Options such as --info show more of each socket, and --top sets how many of them are shown (5).",
  options: [
    {
      longs: ["for"],
      value: { name: "TIME", kind: "word" },
      brief: "Time between the two samples (2s); 0s takes one only",
      doc: "Take the second sample this long after the first (2s): 500ms, 5s, 1m. With 0s there is one sample, and rules that need a rate find nothing.",
      apply(settings, value, program) {
        const apartMs = readThreshold(value, "time");
        return apartMs === undefined || apartMs > APART_LIMIT_MS
          ? refuse(`${program}: "${value}" is not ${spelling.time}, up to a day`)
          : { ...settings, apartMs };
      },
    },
    {
      longs: ["watch"],
      brief: "Repeat until interrupted; show what appears and clears",
      doc: "Examine again and again until interrupted, and show each finding when it appears, changes its severity, or clears. With --json every change is an object on a line of its own. With --fail-on the first such finding ends the run.",
      apply: (settings) => ({ ...settings, watch: true }),
    },
    {
      longs: ["dns"],
      brief: "Look up host names from command lines in DNS",
      doc: "Look up the host names on the command lines of processes whose connections get no answer, to see whether they still have the address. Without it nothing is sent to a name server: command lines are other users' text, and name servers may be what is unreachable.",
      apply: (settings) => ({ ...settings, dns: true }),
    },
    {
      longs: ["rule"],
      value: ruleId(rules),
      brief: "Check this rule only; may be repeated",
      doc: "Check this rule only; may be repeated. --list-rules lists the rules.",
      apply: (settings, value) => ({ ...settings, rules: [...settings.rules, value] }),
    },
    {
      longs: ["set"],
      value: { name: "RULE.NAME=VALUE", kind: "word" },
      brief: "Change a threshold of a rule; may be repeated",
      doc: "Change a threshold of a rule, such as close-wait.age=5m; may be repeated. --list-rules lists the thresholds.",
      apply: (settings, value) => ({ ...settings, thresholds: [...settings.thresholds, value] }),
    },
    {
      longs: ["fail-on"],
      value: { name: "SEVERITY", kind: "word", choices: severities },
      brief: `Exit with status ${EXIT_FOUND} for findings this bad or worse`,
      doc: `Exit with status ${EXIT_FOUND} if there is a finding of this severity (info, warning, critical) or a worse one. A run that fails itself exits with 1, a wrong command line with ${EXIT_USAGE}; without this option the status is 0, whatever was found.`,
      apply(settings, value, program) {
        const failOn = severities.find((known) => known === value);
        return failOn === undefined
          ? refuse(`${program}: unknown severity "${value}"; use one of ${severities.join(", ")}`)
          : { ...settings, failOn };
      },
    },
    {
      longs: ["list-rules"],
      brief: "List the rules with their thresholds",
      doc: "List the rules with what they read and their thresholds.",
      apply: (settings) => ({ ...settings, listRules: true }),
    },
    {
      longs: ["explain"],
      value: ruleId([...rules, ...pairRuleList]),
      brief: "Explain a rule",
      doc: "Explain a rule: why the problem matters, what the rule reads, its thresholds, and what to do.",
      apply: (settings, value) => ({ ...settings, explain: value }),
    },
    ...streamOptions<DoctorSettings>(),
  ],
  settings: {
    apartMs: APART_MS,
    rules: [],
    thresholds: [],
    watch: false,
    dns: false,
    listRules: false,
    stream: noStreamSettings,
  },
  async run(task) {
    const { runDoctor } = await import("./doctor/run.ts");
    return runDoctor(task);
  },
};
