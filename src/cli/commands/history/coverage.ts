/** How much of a span was recorded: the end of every answer. */
import type { Json } from "../../../model/json.ts";
import type { Span, StoreCoverage } from "../../../store/reader.ts";
import { durationText, timeText } from "../../../store/time.ts";

/** Gaps that a line names; the rest is counted. */
const NAMED = 3;
/** What the recorder notes, in words. */
const noteWords: Readonly<Record<string, string>> = {
  clock: "clock steps",
  suspend: "suspends",
  lost: "losses",
  slow: "slow samples",
  degraded: "spans with less in the samples",
  bundled: "spans with connections counted together",
  unfollowed: "spans with network namespaces without events",
  restart: "restarts",
  disk: "losses for want of space",
  owners: "samples without owners",
  peers: "services with too many peers",
  damaged: "damaged files",
};

/** The line that ends every answer: what span it is about, from which sources, and what is missing. */
export function coverageLine({ span, recorded, gaps, notes, sources, filters }: StoreCoverage): string {
  const parts: string[] = [];
  if (recorded.length === 0) parts.push("nothing was recorded");
  else if (gaps.length > 0) {
    const named = gaps
      .slice(0, NAMED)
      .map(({ fromMs, untilMs }) => `${timeText(fromMs)} for ${durationText(untilMs - fromMs)}`);
    const more = gaps.length - named.length;
    parts.push(`not recorded: ${named.join(", ")}${more > 0 ? ` and ${more} more gaps` : ""}`);
  } else parts.push("recorded without gaps");
  if (filters.length > 0) parts.push(`only ${filters.join("; ")}`);
  if (recorded.length > 0)
    parts.push(sources.length > 0 ? `samples and ${sources.join(", ")}` : "samples only");
  for (const [kind, list] of Map.groupBy(notes, ({ kind }) => kind)) {
    const lost = list.reduce((sum, { count }) => sum + (count ?? 0), 0);
    parts.push(
      `${noteWords[kind] ?? kind}: ${list.length}${kind === "lost" && lost > 0 ? ` (${lost} events)` : ""}`,
    );
  }
  return `${timeText(span.fromMs)} to ${timeText(span.untilMs)}: ${parts.join("; ")}`;
}

/** A span as an object of JSON. */
function spanObject({ fromMs, untilMs }: Span) {
  return { from: isoTime(fromMs), until: isoTime(untilMs) };
}

/** A time as an object of JSON has it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The same for programs. */
export function coverageObject({ span, recorded, gaps, notes, sources, filters }: StoreCoverage): {
  readonly [key: string]: Json;
} {
  return {
    span: spanObject(span),
    recorded: recorded.map(spanObject),
    gaps: gaps.map(spanObject),
    notes: notes.map(({ kind, count, detail, ...times }) => ({
      kind,
      ...spanObject(times),
      ...(count === undefined ? {} : { count }),
      ...(detail === undefined ? {} : { detail }),
    })),
    sources: [...sources],
    filters: [...filters],
  };
}

/** Everything that is known of a span, in lines by time. */
export function coverageLines(coverage: StoreCoverage): string[] {
  const { recorded, gaps, notes, sources } = coverage;
  const rows = [
    ...recorded.map((each) => ({ ...each, what: "recorded" })),
    ...gaps.map((each) => ({ ...each, what: "not recorded" })),
    ...notes.map(({ kind, count, detail, ...each }) => ({
      ...each,
      what: [kind, count, detail].filter((part) => part !== undefined).join(" "),
    })),
  ].sort((a, b) => a.fromMs - b.fromMs);
  return [
    ...rows.map(
      ({ fromMs, untilMs, what }) =>
        `${timeText(fromMs)}  ${timeText(untilMs)}  ${durationText(untilMs - fromMs).padEnd(8)} ${what}`,
    ),
    ...(sources.length > 0 ? [`sources: ${sources.join(", ")}`] : []),
    coverageLine(coverage),
  ];
}
