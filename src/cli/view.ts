/** Checks options that exclude each other, and finds the columns that options name. */
import { once } from "../enrich/once.ts";
import { noNames } from "../fields/names.ts";
import type { Kind } from "../model/selection.ts";
import type { View } from "../plan/view.ts";
import { sourcesOf } from "../procfs/source.ts";
import type { Draft } from "./draft.ts";
import { type Stop, usageError } from "./getopt.ts";
import { conflictOf } from "./options.ts";
import type { World } from "./world.ts";

const nothingNamed: View = { sort: [], demands: [] };

/** Loads the catalogue: an agent that stays needs it for each question. */
const catalogue = once(() => Promise.all([import("../output/columns.ts"), import("../plan/view.ts")]));

/** The columns of `--columns`, `--by` and `--sort`. Loads the catalogue only if one of them is given. */
async function namedColumns({ columns, by, sort, style }: Draft, ofKinds?: readonly Kind[]): Promise<View> {
  if (columns === undefined && by === undefined && sort === undefined) return nothingNamed;
  const [{ columnsWith }, { viewOf }] = await catalogue();
  return viewOf({ columns, by, sort, info: style.info }, columnsWith(noNames, ofKinds));
}

/** The error message for an option with an empty list of columns. */
function emptyList({ columns, by, sort }: Draft): string | undefined {
  const empty = columns?.length === 0 || by?.length === 0 || sort?.length === 0;
  return empty ? "an empty list of columns" : undefined;
}

/** The error message for options and environment variables that conflict; undefined if none do. */
export function refusalOf(draft: Draft, env: World["env"]): string | undefined {
  const conflict = conflictOf(draft);
  if (conflict !== undefined || !draft.allNetns) return conflict;
  const { root, diagFile } = sourcesOf(env);
  const elsewhere = root !== "/proc" ? "PROC_ROOT" : diagFile !== undefined ? "TCPDIAG_FILE" : undefined;
  return elsewhere && `${elsewhere} works on one network namespace: not with --all-netns`;
}

/**
 * The columns of a draft.
 *
 * @param ofKinds the kinds of sockets whose columns there are; default: all
 * @returns a Stop if its options conflict or name no column
 */
export async function viewFor(
  { program, env }: World,
  draft: Draft,
  ofKinds?: readonly Kind[],
): Promise<View | Stop> {
  const refused = refusalOf(draft, env) ?? emptyList(draft);
  if (refused !== undefined) return usageError(`${program}: ${refused}`);
  try {
    return await namedColumns(draft, ofKinds);
  } catch (error) {
    const { ViewError } = await import("../plan/view.ts");
    if (error instanceof ViewError) return usageError(`${program}: ${error.message}`);
    throw error;
  }
}
