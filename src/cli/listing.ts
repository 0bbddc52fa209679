/** Lists the sockets of one run and shows them. */
import { loadFamilies } from "../families/index.ts";
import type { FilterSource } from "../filter/source.ts";
import type { Host } from "../host/host.ts";
import { kindsOf } from "../model/selection.ts";
import { stateGroups } from "../model/state.ts";
import type { Plan } from "../plan/plan.ts";
import type { View } from "../plan/view.ts";
import { type OpenQuery, openQuery } from "../query/open.ts";
import type { QueryParts } from "../query/query.ts";
import type { Draft } from "./draft.ts";
import { isStop, type Stop, usageError } from "./getopt.ts";
import { halt } from "./halt.ts";
import { planListing } from "./plan.ts";
import { reporter, withStatus } from "./report.ts";
import { select } from "./select.ts";
import { show } from "./show.ts";
import type { World } from "./world.ts";

const encoder = new TextEncoder();

/**
 * Lists sockets and shows them, or follows them, or closes them, as the options say.
 *
 * @param view the columns of the draft
 * @param source the words after the options, and the filter file
 * @returns the exit status
 */
export async function listSockets(
  world: World,
  host: Host,
  draft: Draft,
  view: View,
  source: FilterSource,
): Promise<number> {
  if (draft.diagFile !== undefined) return dumpSockets(world, host, draft, source);
  const planned = await planListing(world, draft, view, source);
  if (isStop(planned)) return nothingSelected(world, planned, draft);
  const { plan, presentation, words } = planned;
  const { report, status } = withStatus(reporter(world, host, plan.sources), draft);
  let opened: OpenQuery;
  try {
    opened = await openQuery({ host, report, parts: await partsFor(plan, draft) }, plan);
  } catch (error) {
    const { filterStop } = await import("./filter.ts");
    return halt(world, filterStop(world, error, plan.filter));
  }
  using query = opened;
  if (draft.events) {
    if (query.predicate?.withOwners !== undefined) return halt(world, ownerless(world));
    const { followEvents } = await import("./events.ts");
    return followEvents(world, query, presentation);
  }
  if (
    draft.kill &&
    !draft.killAll &&
    (draft.allNetns ||
      !(narrows(draft, words.length < source.args.length, query) || query.predicate !== undefined))
  )
    return halt(world, killRefusal(world, draft.allNetns));
  // Sockets are closed, and recordings written, even if nobody reads the output.
  if (draft.kill || draft.record !== undefined) world.stdout.ignoreFailures?.();
  await show(world, query, presentation, query.resolved);
  return status();
}

/** The code of a listing. Rows written straight from messages need nothing of the family of inet. */
async function partsFor({ selection }: Plan, { events }: Draft): Promise<QueryParts> {
  if (events) return (await import("../query/all-parts.ts")).allParts;
  const kinds = new Set(kindsOf(selection));
  kinds.delete("inet");
  return { families: await loadFamilies(kinds) };
}

/** `-D`: writes the kernel's raw answers. */
async function dumpSockets(world: World, host: Host, draft: Draft, source: FilterSource): Promise<number> {
  const selected = select(draft.choice, source.args, world.program);
  if (isStop(selected)) return nothingSelected(world, selected, draft);
  const { dumpDiag } = await import("./diag-dump.ts");
  const { sourcesOf } = await import("../procfs/source.ts");
  const report = reporter(world, host, sourcesOf(world.env));
  const { demands } = draft;
  const stop = dumpDiag(world, host, draft.diagFile!, selected.selection, { demands, report });
  return stop === undefined ? 0 : halt(world, stop);
}

/** Ends a run that selects nothing. If that is not an error, JSON output is an empty array. */
function nothingSelected(world: World, stop: Stop, { format }: Draft): Promise<number> {
  const isError = stop.kind === "error" && stop.status !== 0;
  if (format === "json" && !isError) world.stdout.write(encoder.encode("[]\n"));
  return halt(world, stop);
}

/** Whether options or words choose a table, a family or a state. @param stateWords whether there are words for states */
function narrows({ choice }: Draft, stateWords: boolean, { selection }: OpenQuery): boolean {
  const named = stateWords || choice.stateFilter !== 0;
  return choice.made || (named && selection.states !== stateGroups.all);
}

/** `-K` without any restriction: ss would close every connection of the host. We require --kill-all. */
function killRefusal({ program }: World, allNetns: boolean): Stop {
  return usageError(
    allNetns
      ? `${program}: --kill with --all-netns closes sockets of the whole host: add --kill-all`
      : `${program}: --kill alone closes every socket: choose a table, a state or a filter, or add --kill-all`,
  );
}

/** `-E` with a filter by process: no process has a destroyed socket open. */
function ownerless({ program }: World): Stop {
  return usageError(`${program}: --events cannot be filtered by process: a destroyed socket has none`);
}
