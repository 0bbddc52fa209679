/** The span of time that an answer is about. */
import { systemClock } from "../../../store/clock.ts";
import type { Span } from "../../../store/reader.ts";
import { readTime, timeSpelling } from "../../../store/time.ts";
import { EXIT_USAGE, type Stop } from "../../getopt.ts";
import type { World } from "../../world.ts";
import type { HistorySettings } from "./settings.ts";

/** The end of a run because of a wrong command line. */
export function usageStop(program: string, message: string): Stop {
  return { kind: "error", message: `${program}: history: ${message}`, usage: false, status: EXIT_USAGE };
}

/** A time, and what the message calls it if it is none. */
function readNamed(program: string, name: string, text: string, nowMs: number): number | Stop {
  return (
    readTime(text, nowMs) ??
    usageStop(program, `${name === "" ? "" : `${name} `}"${text}" is not ${timeSpelling}`)
  );
}

/**
 * The span of the settings.
 *
 * @param times the beginning and the end as words instead of options
 * @returns a Stop for a time that is none
 */
export function spanOf(
  { program }: World,
  { since, until }: HistorySettings,
  [from, to]: readonly string[] = [],
): Span | Stop {
  const nowMs = systemClock.wallMs();
  const fromMs = readNamed(program, from === undefined ? "--since" : "", from ?? since, nowMs);
  if (typeof fromMs === "object") return fromMs;
  const untilMs = readNamed(program, to === undefined ? "--until" : "", to ?? until, nowMs);
  if (typeof untilMs === "object") return untilMs;
  if (fromMs <= untilMs) return { fromMs, untilMs };
  return usageStop(
    program,
    from === undefined ? "--since is after --until" : "the first time is after the second",
  );
}
