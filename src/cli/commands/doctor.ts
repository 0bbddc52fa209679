/** `sockscope doctor`: what is wrong with the sockets. */
import { severities } from "../../doctor/rule.ts";
import { rules } from "../../doctor/rules/index.ts";
import { readThreshold, spelling } from "../../doctor/threshold.ts";
import { EXIT_USAGE, type Stop } from "../getopt.ts";
import type { OptionValue } from "../options.ts";
import type { Command } from "./command.ts";
import { type DoctorSettings, EXIT_FOUND } from "./doctor/settings.ts";

/** Long enough for counters to move, short enough to be waited for. */
const APART_MS = 2000;
/** Longer than a day is a slip of the finger. */
const APART_LIMIT_MS = 86_400_000;

function refuse(message: string): Stop {
  return { kind: "error", message, usage: false, status: EXIT_USAGE };
}

/** The value of an option that names a rule. */
const ruleId: OptionValue = { name: "ID", kind: "word", choices: rules.map(({ id }) => id) };

/** The command. */
export const doctor: Command<DoctorSettings> = {
  doc:
    "Look for what is wrong with the sockets of this host, and say what to do about it. Each rule looks for one thing, " +
    "and shows the sockets and counters that it has found. Most take one look; what needs a rate takes two, --for apart. " +
    "Table options, --net, --all-netns and a filter restrict what is looked at; --replay examines a recording, of which " +
    "there is one sample. Details such as --info show more of each socket, and --top how many of them are shown (5).",
  options: [
    {
      longs: ["for"],
      value: { name: "TIME", kind: "word" },
      brief: "Time between the two samples (2s); 0s takes one only",
      doc: "Let this time pass between the two samples (2s): 500ms, 5s, 1m. With 0s there is one sample only, and rules that need a rate find nothing.",
      apply(settings, value, program) {
        const apartMs = readThreshold(value, "time");
        return apartMs === undefined || apartMs > APART_LIMIT_MS
          ? refuse(`${program}: "${value}" is not ${spelling.time}, up to a day`)
          : { ...settings, apartMs };
      },
    },
    {
      longs: ["rule"],
      value: ruleId,
      brief: "Check this rule only; may be repeated",
      doc: "Check this rule only, see --list-rules; may be repeated.",
      apply: (settings, value) => ({ ...settings, rules: [...settings.rules, value] }),
    },
    {
      longs: ["set"],
      value: { name: "RULE.NAME=VALUE", kind: "word" },
      brief: "Change a threshold of a rule; may be repeated",
      doc: "Change a threshold of a rule, such as close-wait.age=5m; may be repeated. --list-rules and --explain tell the thresholds.",
      apply: (settings, value) => ({ ...settings, thresholds: [...settings.thresholds, value] }),
    },
    {
      longs: ["fail-on"],
      value: { name: "SEVERITY", kind: "word", choices: severities },
      brief: `Exit with status ${EXIT_FOUND} for findings this bad, or worse`,
      doc: `Exit with status ${EXIT_FOUND} if there is a finding of this severity (info, warning, critical) or a worse one. A run that fails itself exits with 1, a wrong command line with ${EXIT_USAGE}; without this option findings do not matter, and the status is 0.`,
      apply(settings, value, program) {
        const failOn = severities.find((known) => known === value);
        return failOn === undefined
          ? refuse(`${program}: "${value}" is no severity, which are ${severities.join(", ")}`)
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
      value: ruleId,
      brief: "Tell all about a rule",
      doc: "Tell why what a rule looks for matters, what it reads, its thresholds, and what to do.",
      apply: (settings, value) => ({ ...settings, explain: value }),
    },
  ],
  settings: { apartMs: APART_MS, rules: [], thresholds: [], listRules: false },
  async run(task) {
    const { runDoctor } = await import("./doctor/run.ts");
    return runDoctor(task);
  },
};
