/** Chooses the sources of events, and reports which are missing. */

import type { Availability, EventSource } from "../../../events/event-source.ts";
import type { Host } from "../../../host/host.ts";
import type { Json } from "../../../model/json.ts";
import type { Selection } from "../../../model/selection.ts";

/** A source, and whether it works here. */
export interface FoundSource extends Availability {
  readonly source: EventSource;
}

/**
 * Finds out which sources work.
 *
 * @param wanted names of the sources to try; undefined for all
 * @param host the host as seen from the first network namespace
 */
export function findSources(
  sources: readonly EventSource[],
  wanted: ReadonlySet<string> | undefined,
  host: Host,
  selection: Selection,
): readonly FoundSource[] {
  return sources.map((source) =>
    wanted?.has(source.name) === false ? { source } : { source, ...source.availability(host, selection) },
  );
}

/** The text of `--sources help`. */
export function sourcesHelp(found: readonly FoundSource[]): string {
  const width = Math.max(...found.map(({ source }) => source.name.length));
  return found
    .map(({ source, obstacle, note }) => {
      const state = obstacle === undefined ? "yes" : `no: ${obstacle}`;
      const lines = [source.doc, state, ...(note === undefined ? [] : [note])];
      const names = [source.name, ...lines.slice(1).map(() => "")];
      return lines.map((line, index) => `${names[index]!.padEnd(width)}  ${line}\n`).join("");
    })
    .join("");
}

/** The sources to use, or why one of the wanted ones does not work. @param wanted undefined for all that work */
export function chooseSources(
  found: readonly FoundSource[],
  wanted: ReadonlySet<string> | undefined,
): readonly EventSource[] | string {
  if (wanted === undefined) {
    const chosen = found.filter(({ obstacle }) => obstacle === undefined);
    if (chosen.length === 0) return `no source of events works: ${found[0]!.obstacle}`;
    return chosen.map(({ source }) => source);
  }
  const chosen = found.filter(({ source }) => wanted.has(source.name));
  const broken = chosen.find(({ obstacle }) => obstacle !== undefined);
  if (broken !== undefined) return `source ${broken.source.name}: ${broken.obstacle}`;
  return chosen.map(({ source }) => source);
}

/** One line about the sources that do not work and what no event shows without them; undefined if all work. */
export function missingLine(found: readonly FoundSource[]): string | undefined {
  const byObstacle = new Map<string, EventSource[]>();
  for (const { source, obstacle, irrelevant } of found) {
    if (obstacle === undefined || irrelevant) continue;
    byObstacle.set(obstacle, [...(byObstacle.get(obstacle) ?? []), source]);
  }
  if (byObstacle.size === 0) return undefined;
  const parts = Array.from(byObstacle, ([obstacle, sources]) => {
    const names = sources.map(({ name }) => name).join(" and ");
    return `without ${names} (${obstacle}): no ${sources.map(({ missing }) => missing).join(", no ")}`;
  });
  return parts.join("; ");
}

/** The `sources` object of JSON: by name, whether each is used, why it does not work, and what is missing then. */
export function sourcesJson(found: readonly FoundSource[], chosen: readonly EventSource[]): Json {
  const entries = found.map(({ source, obstacle, irrelevant, note }) => {
    const used = chosen.includes(source);
    return [
      source.name,
      {
        used,
        ...(obstacle === undefined ? {} : { obstacle }),
        ...(used || irrelevant ? {} : { missing: source.missing }),
        ...(note === undefined ? {} : { note }),
      },
    ] as const;
  });
  return Object.fromEntries(entries);
}
