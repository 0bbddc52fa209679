/** `doctor --watch --fleet`: the findings that agents have put into the stream of their fleet. */
import { escapeText } from "../../bytes/terminal.ts";
import { durationText } from "../../doctor/amounts.ts";
import { severities } from "../../doctor/rule.ts";
import { rules } from "../../doctor/rules/index.ts";
import type { Json } from "../../model/json.ts";
import { changeKinds } from "../../output/doctor.ts";
import { JsonWriter } from "../../output/json.ts";
import { timeText } from "../../store/time.ts";
import type { Task } from "../commands/command.ts";
import { type DoctorSettings, EXIT_FOUND, isFailure } from "../commands/doctor/settings.ts";
import { Pending } from "../commands/events/non-blocking-writer.ts";
import { usageError } from "../getopt.ts";
import { halt } from "../halt.ts";
import { type JsonObject, labelled } from "./labelled-object.ts";
import { followStream, type StreamShow } from "./stream-reader.ts";

/** A change of a finding, as `doctor --watch --json` writes it. */
interface FindingChange {
  readonly kind: (typeof changeKinds)[number];
  readonly timeMs: number;
  readonly sinceMs: number;
  readonly rule: string;
  readonly severity: (typeof severities)[number];
  readonly title: string;
  readonly evidence: readonly string[];
}

function plain(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function timeOf(value: Json | undefined): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Reads a line; undefined for one that is no change of a finding. */
function changeOf(object: JsonObject): FindingChange | undefined {
  const { rule, severity: level, title, evidence } = plain(object["finding"]);
  const kind = changeKinds.find((each) => each === object["event"]);
  const severity = severities.find((each) => each === level);
  const [timeMs, sinceMs] = [timeOf(object["time"]), timeOf(object["since"])];
  if (kind === undefined || severity === undefined || timeMs === undefined || sinceMs === undefined)
    return undefined;
  if (typeof rule !== "string" || typeof title !== "string") return undefined;
  const lines = Array.isArray(evidence) ? evidence.filter((each) => typeof each === "string") : [];
  return { kind, timeMs, sinceMs, rule, severity, title, evidence: lines };
}

/** A change as text. @param explained whether to say how to learn more of the rule */
function changeText(host: string, change: FindingChange, explained: boolean): string {
  const { kind, timeMs, sinceMs, rule, severity, title, evidence } = change;
  const what = kind === "cleared" ? `cleared after ${durationText(Math.max(0, timeMs - sinceMs))}` : kind;
  const lines = [`${timeText(timeMs)} ${host} ${what}: ${severity}: ${title} [${rule}]`];
  if (kind !== "cleared") lines.push(...evidence.map((each) => `  ${each}`));
  if (explained) lines.push(`  More: sockscope doctor --explain ${rule}`);
  return lines.map((each) => escapeText(each)).join("\n");
}

/** What shows findings. */
function showOf({ draft, settings }: Task<DoctorSettings>): StreamShow {
  const pending = new Pending();
  const json =
    draft.format === "table" ? undefined : new JsonWriter("ndjson", (bytes) => pending.bytes(bytes));
  const wanted = new Set(settings.rules);
  const known = new Set(rules.map(({ id }) => id));
  const explained = new Set<string>();
  return {
    line(host, id, object) {
      const change = changeOf(object);
      if (change === undefined || (wanted.size > 0 && !wanted.has(change.rule))) return undefined;
      const { kind, rule, severity } = change;
      if (json !== undefined) json.write(labelled({ host, id }, object));
      else {
        const isFirst = kind !== "cleared" && known.has(rule) && !explained.has(rule);
        pending.line(changeText(host, change, isFirst));
        if (isFirst) explained.add(rule);
      }
      return kind !== "cleared" && isFailure(settings.failOn, severity) ? EXIT_FOUND : undefined;
    },
    lost(host, { count, timeMs, source }) {
      json?.write({ host, event: "lost", time: new Date(timeMs).toISOString(), source, count });
      return undefined;
    },
    output() {
      json?.flush();
      return pending.take();
    },
  };
}

/** Shows the findings of a fleet as they appear and clear. @returns the exit status */
export function runFleetFindings(task: Task<DoctorSettings>): Promise<number> {
  const { world, draft, settings, words } = task;
  const own =
    settings.thresholds.length > 0
      ? "--set"
      : settings.dns
        ? "--dns"
        : words.args.length > 0
          ? "a filter"
          : undefined;
  if (own !== undefined)
    return halt(
      world,
      usageError(
        `${world.program}: doctor: ${own} cannot be combined with --watch --fleet: each agent examines by itself`,
      ),
    );
  return followStream(
    { world, draft, command: "doctor", feed: "findings", settings: settings.stream },
    showOf(task),
  );
}
