/** Choosing the sources of events, and telling of them. */
import { type EventSource, eventSources, sourceNames } from "../../../events/event.ts";
import type { Availability } from "../../../events/sources.ts";

/** What `--sources help` prints. */
export function sourcesHelp(found: Readonly<Record<EventSource, Availability>>): string {
  const width = Math.max(...sourceNames.map((name) => name.length));
  return sourceNames
    .map((name) => {
      const { obstacle, note } = found[name];
      const state = obstacle === undefined ? "yes" : `no: ${obstacle}`;
      const lines = [`${name.padEnd(width)}  ${eventSources[name]}`, `${" ".repeat(width)}  ${state}`];
      if (note !== undefined) lines.push(`${" ".repeat(width)}  ${note}`);
      return `${lines.join("\n")}\n`;
    })
    .join("");
}

/** The sources to use, or why one that was asked for cannot be. */
export function chooseSources(
  found: Readonly<Record<EventSource, Availability>>,
  wanted: ReadonlySet<EventSource> | undefined,
): ReadonlySet<EventSource> | string {
  if (wanted === undefined) {
    const chosen = new Set(sourceNames.filter((name) => found[name].obstacle === undefined));
    // Conntrack knows more of a flow than a route lookup does.
    return chosen.size > 0 ? chosen : `there is no source of events: ${found.sock_diag.obstacle}`;
  }
  for (const name of wanted) {
    const { obstacle } = found[name];
    if (obstacle !== undefined) return `source ${name}: ${obstacle}`;
  }
  return wanted;
}
