/**
 * Holds back that a finding has cleared until it has stayed away for a while, as the recorder does: one that comes and
 * goes from sample to sample is reported once.
 */
import type { JsonObject } from "./labelled-object.ts";

/** Milliseconds that a finding must be away. */
const CLEAR_MS = 30_000;

/** A finding that is away. */
interface Cleared {
  readonly line: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Names the finding of a change. */
function keyOf({ finding }: JsonObject): string {
  const { rule, subject, netns } = (finding ?? {}) as JsonObject;
  return JSON.stringify([rule, subject, (netns as JsonObject | undefined)?.["inode"]]);
}

/** What takes lines of `doctor --watch --json`. */
export interface SteadyFindings {
  take(lines: readonly string[]): void;
  /** Passes on what is held back. */
  end(): void;
}

/** Makes what takes lines, and passes on those that matter. */
export function steadyFindings(pass: (lines: readonly string[]) => void, clearMs = CLEAR_MS): SteadyFindings {
  const away = new Map<string, Cleared>();
  const clear = (key: string) => {
    const { line, timer } = away.get(key)!;
    clearTimeout(timer);
    away.delete(key);
    return line;
  };
  return {
    take(lines) {
      const passed: string[] = [];
      for (const line of lines) {
        const change = JSON.parse(line) as JsonObject;
        const key = keyOf(change);
        const isAway = away.has(key);
        if (change["event"] === "cleared") {
          // Two findings with one name: the other one is gone for good.
          if (isAway) passed.push(clear(key));
          away.set(key, { line, timer: setTimeout(() => pass([clear(key)]), clearMs) });
        } else if (change["event"] === "appeared" && isAway) clear(key);
        else passed.push(line);
      }
      if (passed.length > 0) pass(passed);
    },
    end() {
      const lines = [...away.keys()].map(clear);
      if (lines.length > 0) pass(lines);
    },
  };
}
