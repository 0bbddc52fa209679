/** `doctor --watch`: examines again and again, and shows what changes. */

import { durationText } from "../../../doctor/amounts.ts";
import type { Diagnosis } from "../../../doctor/examine.ts";
import { severities } from "../../../doctor/rule.ts";
import type { Json } from "../../../model/json.ts";
import { type ChangeKind, findingLine, findingObject, formatFinding } from "../../../output/doctor.ts";
import { JsonWriter } from "../../../output/json.ts";
import type { Task } from "../command.ts";
import { type DoctorSettings, EXIT_FOUND, isFailure, type Show } from "./settings.ts";
import { waitShowing } from "./wait.ts";

const encoder = new TextEncoder();

/** Exit status of a process that SIGPIPE ended, as shells show it. */
const EXIT_PIPE = 141;

/** A finding of this round or of the one before. */
export interface Watched {
  readonly severity: Diagnosis["severity"];
  /** The finding's first line. */
  readonly line: string;
  /** The finding as a plain object. */
  readonly object: Json;
  /** When it appeared, in milliseconds since 1970. */
  readonly since: number;
}

/** A change from one round to the next. */
export interface Change {
  readonly kind: ChangeKind;
  readonly key: string;
  readonly watched: Watched;
}

/** Names each finding by rule, namespace and subject; several with the same name get a number. */
export function keysOf(diagnoses: readonly Diagnosis[]): string[] {
  const seen = new Map<string, number>();
  return diagnoses.map(({ rule, place, subject }) => {
    const key = `${rule.id} ${place?.netns?.inode ?? ""} ${subject}`;
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return `${key} ${count}`;
  });
}

/** The changes between two rounds: first what cleared, then what is new or has another severity. */
export function changesBetween(
  before: ReadonlyMap<string, Watched>,
  after: ReadonlyMap<string, Watched>,
): Change[] {
  const changes: Change[] = [];
  for (const [key, watched] of before) if (!after.has(key)) changes.push({ kind: "cleared", key, watched });
  for (const [key, watched] of after) {
    const earlier = before.get(key);
    if (earlier === undefined) changes.push({ kind: "appeared", key, watched });
    else if (earlier.severity !== watched.severity) {
      const isWorse = severities.indexOf(watched.severity) > severities.indexOf(earlier.severity);
      changes.push({ kind: isWorse ? "worsened" : "improved", key, watched });
    }
  }
  return changes;
}

/** A time of day, as people read it: `17:05:09`. */
function clockText(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

/**
 * Examines until interrupted, or until `--fail-on` finds something.
 *
 * @param examineOnce one round: examines, and shows the result
 * @returns the exit status
 */
export async function watch(
  { world, draft, settings }: Task<DoctorSettings>,
  examineOnce: (show: Show) => Promise<number | undefined>,
): Promise<number> {
  const json =
    draft.format === "table" ? undefined : new JsonWriter("ndjson", (bytes) => world.stdout.write(bytes));
  let before: ReadonlyMap<string, Watched> = new Map();
  const explained = new Set<unknown>();
  const say = (text: string) => world.stdout.write(encoder.encode(text));
  let hasWaited = false;
  const show: Show = ({ report, how, detail }) => {
    hasWaited = report.elapsedMs > 0;
    const now = Date.now();
    const keys = keysOf(report.diagnoses);
    const diagnoses = new Map(report.diagnoses.map((diagnosis, index) => [keys[index]!, diagnosis]));
    const after = new Map<string, Watched>();
    for (const [key, diagnosis] of diagnoses)
      after.set(key, {
        severity: diagnosis.severity,
        line: findingLine(diagnosis),
        object: findingObject(diagnosis, detail),
        since: before.get(key)?.since ?? now,
      });
    for (const { kind, key, watched } of changesBetween(before, after)) {
      const diagnosis = diagnoses.get(key);
      if (json !== undefined)
        json.write({
          event: kind,
          time: new Date(now).toISOString(),
          since: new Date(watched.since).toISOString(),
          finding: watched.object,
        });
      else if (diagnosis === undefined)
        say(`${clockText(now)} ${kind} after ${durationText(now - watched.since)}: ${watched.line}\n`);
      else {
        say(`${clockText(now)} ${kind}: ${formatFinding(diagnosis, how, !explained.has(diagnosis.rule))}`);
        explained.add(diagnosis.rule);
      }
    }
    json?.flush();
    before = after;
    return isFailure(settings.failOn, report.diagnoses[0]?.severity) ? EXIT_FOUND : undefined;
  };
  for (;;) {
    const status = await examineOnce(show);
    if (status !== undefined) return status;
    if (world.stdout.room?.() === "broken") return EXIT_PIPE;
    // Without a rule that needs a second sample, a round ends at once.
    const interrupted = hasWaited ? undefined : await waitShowing(world, settings.apartMs);
    if (interrupted !== undefined) return interrupted;
  }
}
