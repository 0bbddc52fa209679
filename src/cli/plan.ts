/** From what was typed to what is wanted: the plan of the sockets, and how they are presented. */
import type { FilterSource } from "../filter/source.ts";
import { type Demand, demandSet } from "../model/demand.ts";
import type { Selection } from "../model/selection.ts";
import type { Plan } from "../plan/plan.ts";
import type { View } from "../plan/view.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { RowStyle } from "../table/style.ts";
import { isStop, type Stop, usageError } from "./getopt.ts";
import { conflictOf, type Draft, type Format } from "./options.ts";
import { select } from "./select.ts";
import type { World } from "./world.ts";

/** What `--explain` shows, loaded when it is needed. */
export type Explainer = Pick<typeof import("../output/explain.ts"), "explanationOf" | "explanationText">;

/** How the sockets of a plan are written. */
export interface Presentation {
  readonly format: Format;
  readonly header: boolean;
  readonly queues: boolean;
  /** What rows of ss's own table show. */
  readonly style: RowStyle;
  /** Demands that options made, not columns: ss's table and CSV have columns for these alone. */
  readonly shown: ReadonlySet<Demand>;
  /** Columns to show, or the numbers that groups add up; undefined for all that the format has. */
  readonly columns?: readonly string[];
  /** Columns to group by; undefined for a row per socket. */
  readonly by?: readonly string[];
  readonly explainer?: Explainer;
}

/** How sockets are shown beyond what options say. */
export interface ShowOptions {
  /** Each socket is handed on at once: the next may take long to come. */
  readonly following?: boolean;
}

/** A listing, planned. */
export interface Planned {
  readonly plan: Plan;
  readonly presentation: Presentation;
  /** Words of the command line that are the filter. */
  readonly words: readonly string[];
}

/** Whether sockets come out as rows of ss's own table. */
export function isSsTable({ format, columns, by }: Pick<Presentation, "format" | "columns" | "by">): boolean {
  return format === "table" && columns === undefined && by === undefined;
}

const nothingNamed: View = { sort: [], demands: [] };

/** The columns that options name. The catalogue is loaded only if there are any. */
async function namedColumns({ columns, by, sort, style }: Draft): Promise<View> {
  if (columns === undefined && by === undefined && sort === undefined) return nothingNamed;
  const [{ everyColumn }, { viewOf }] = await Promise.all([
    import("./columns.ts"),
    import("../plan/view.ts"),
  ]);
  return viewOf({ columns, by, sort, info: style.info }, everyColumn());
}

/** Columns that were named by an empty list. */
function emptyList({ columns, by, sort }: Draft): string | undefined {
  const empty = columns?.length === 0 || by?.length === 0 || sort?.length === 0;
  return empty ? "an empty list of columns" : undefined;
}

/** The demands of a listing that the options, its columns and its format make. */
function demandsOf(draft: Draft, view: View): ReadonlySet<Demand> {
  const isTable = isSsTable({ ...draft, ...view });
  const demands = new Set(demandSet(draft.demands, view.demands));
  // ss's table has no place for the owner of a UNIX socket; everything else shows it.
  if (!isTable || view.sort.length > 0) demands.add("uid");
  if (!isTable) demands.add("peerNames");
  // Nor does it show who holds the other end, unless --peer says so.
  if (isTable && !demands.has("peers")) demands.delete("peerOwners");
  return demands;
}

/** What a command wants beside what was typed. */
export interface PlanChanges {
  readonly demands?: Iterable<Demand>;
  readonly kill?: boolean;
}

/** The plan of a draft whose sockets are selected. */
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

/** What cannot be combined, of options and of the environment. @returns one line, or undefined */
export function refusalOf(draft: Draft, env: World["env"]): string | undefined {
  const conflict = conflictOf(draft);
  if (conflict !== undefined || !draft.allNetns) return conflict;
  const { root, diagFile } = sourcesOf(env);
  const elsewhere = root !== "/proc" ? "PROC_ROOT" : diagFile !== undefined ? "TCPDIAG_FILE" : undefined;
  return elsewhere && `${elsewhere} is about one network namespace: not with --all-netns`;
}

/** The columns of a draft, and whether its options go together. @returns a Stop if they do not */
export async function viewFor({ program, env }: World, draft: Draft): Promise<View | Stop> {
  const refused = refusalOf(draft, env) ?? emptyList(draft);
  if (refused !== undefined) return usageError(`${program}: ${refused}`);
  try {
    return await namedColumns(draft);
  } catch (error) {
    const { ViewError } = await import("../plan/view.ts");
    if (error instanceof ViewError) return usageError(`${program}: ${error.message}`);
    throw error;
  }
}

/**
 * Plans a listing.
 *
 * @param source the words that are no options, and the filter file
 * @returns a Stop for words that select nothing
 */
export async function planListing(
  world: World,
  draft: Draft,
  view: View,
  source: FilterSource,
): Promise<Planned | Stop> {
  const selected = select(draft.choice, source.args, world.program);
  if (isStop(selected)) return selected;
  const demands = demandsOf(draft, view);
  const { format, header, queues, style, kill } = draft;
  const base = planOf(
    world,
    draft,
    selected.selection,
    { args: selected.words, file: source.file },
    { kill },
  );
  return {
    plan: { ...base, demands, order: { ...base.order, sort: view.sort } },
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
