/** Turns parsed options into a plan (which sockets) and a presentation (how they are written). */
import type { FilterSource } from "../filter/source.ts";
import { type Demand, demandSet } from "../model/demand.ts";
import { kindsOf, type Selection } from "../model/selection.ts";
import type { Explainer } from "../output/name-source.ts";
import type { Plan } from "../plan/plan.ts";
import type { View } from "../plan/view.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { RowStyle } from "../table/style.ts";
import type { Draft, Format } from "./draft.ts";
import { isStop, type Stop } from "./getopt.ts";
import { select } from "./select.ts";
import type { World } from "./world.ts";

/** How the sockets of a plan are written. */
export interface Presentation {
  readonly format: Format;
  readonly header: boolean;
  readonly queues: boolean;
  /** What the rows of ss's own table show. */
  readonly style: RowStyle;
  /** Demands made by options, not by columns. Only these add columns to ss's table and CSV. */
  readonly shown: ReadonlySet<Demand>;
  /** Columns to show, or the numbers that groups add up; undefined for all columns of the format. */
  readonly columns?: readonly string[];
  /** Columns to group by; undefined for a row per socket. */
  readonly by?: readonly string[];
  readonly explainer?: Explainer;
}

/** How sockets are shown, apart from options. */
export interface ShowOptions {
  /** Writes each socket at once, because the next may be long in coming. */
  readonly following?: boolean;
}

/** A planned listing. */
export interface Planned {
  readonly plan: Plan;
  readonly presentation: Presentation;
  /** The filter words of the command line. */
  readonly words: readonly string[];
}

/** Whether the output is ss's own table. */
export function isSsTable({ format, columns, by }: Pick<Presentation, "format" | "columns" | "by">): boolean {
  return format === "table" && columns === undefined && by === undefined;
}

/** The demands of a listing: those of its options, its columns and its format. */
function demandsOf(draft: Draft, view: View, selection: Selection): ReadonlySet<Demand> {
  const isTable = isSsTable({ ...draft, ...view });
  const demands = new Set(demandSet(draft.demands, view.demands));
  // Every output but ss's own table shows the uid of UNIX sockets.
  if (!isTable || view.sort.length > 0) demands.add("uid");
  if (!isTable && kindsOf(selection).has("unix")) demands.add("peerNames");
  // ss's table shows the processes at the other end only with --peer.
  if (isTable && !demands.has("peers")) demands.delete("peerOwners");
  return demands;
}

/** What a command adds to the plan of its options. */
export interface PlanChanges {
  readonly demands?: Iterable<Demand>;
  readonly kill?: boolean;
}

/** The plan for a draft, its selection and its filter. */
export function planOf(
  { env }: Pick<World, "env">,
  draft: Draft,
  selection: Selection,
  filter: FilterSource,
  changes: PlanChanges = {},
): Plan {
  const { style, allNetns, top } = draft;
  return {
    selection,
    filter: filter.args.length === 0 && filter.file === undefined ? undefined : filter,
    allNetns,
    sources: sourcesOf(env),
    demands: demandSet(draft.demands, changes.demands),
    bpfMapIds: style.bpfMapIds,
    serviceNames: !style.numeric,
    order: { sort: [], ...(top === undefined ? {} : { top }) },
    kill: changes.kill ?? false,
  };
}

/**
 * Plans a listing.
 *
 * @param source the words after the options, and the filter file
 * @returns a Stop if the words select nothing
 */
export async function planListing(
  world: World,
  draft: Draft,
  view: View,
  source: FilterSource,
): Promise<Planned | Stop> {
  const selected = select(draft.choice, source.args, world.program);
  if (isStop(selected)) return selected;
  const demands = demandsOf(draft, view, selected.selection);
  const { format, header, queues, style, kill } = draft;
  const base = planOf(
    world,
    draft,
    selected.selection,
    { args: selected.words, file: source.file },
    { kill },
  );
  return {
    plan: {
      ...base,
      demands,
      order: { ...base.order, sort: view.sort },
    },
    words: selected.words,
    presentation: {
      format,
      header,
      queues,
      style,
      shown: draft.demands,
      ...(view.columns === undefined ? {} : { columns: view.columns }),
      ...(view.by === undefined ? {} : { by: view.by }),
      ...(demands.has("explanation") ? { explainer: await import("../output/explain.ts") } : {}),
    },
  };
}
