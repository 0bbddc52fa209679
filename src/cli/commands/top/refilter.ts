/** Another filter for a run of `top`: checks it, and opens the sampler that it selects. */
import { FilterError } from "../../../filter/errors.ts";
import { isStop } from "../../getopt.ts";
import type { Task } from "../command.ts";
import type { Clock } from "../turns.ts";
import { openSampler, type Sampler, selectionOf } from "./sampler.ts";
import type { TopSettings } from "./settings.ts";
import type { FilterProblem } from "./state.ts";

/** The mistake in a filter; undefined if there is none. */
async function problemOf(
  task: Task<TopSettings>,
  { query }: Sampler,
  text: string,
): Promise<FilterProblem | undefined> {
  const { world, draft, words } = task;
  const selected = selectionOf(draft, { args: argumentsOf(text) }, world.program);
  if (isStop(selected)) {
    const message = selected.kind === "error" ? selected.message : "an option for help is no filter";
    return { offset: 0, length: text.length, message };
  }
  const args = selected.words;
  const shift = text.length - args.join(" ").length;
  if (args.length === 0 && words.file === undefined) return undefined;
  try {
    await query.filter({ args, file: words.file }, selected.selection);
    return undefined;
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { offset, length, expected } = error;
    return { offset: Math.min(text.length, shift + offset), length, message: `expected ${expected}` };
  }
}

function argumentsOf(text: string): string[] {
  return text === "" ? [] : text.split(" ");
}

/** The sampler of another filter, or what is wrong with the filter. */
export type Refiltered = { readonly sampler: Sampler } | { readonly problem: FilterProblem };

/** Opens a sampler for a filter as typed on the screen. @param present the sampler in use, which stays open */
export async function refilter(
  task: Task<TopSettings>,
  present: Sampler,
  text: string,
  clock: Clock,
): Promise<Refiltered> {
  const problem = await problemOf(task, present, text);
  if (problem !== undefined) return { problem };
  const { world, host, draft, words } = task;
  const opened = await openSampler(world, host, draft, { args: argumentsOf(text), file: words.file }, clock);
  if (!isStop(opened)) return { sampler: opened };
  const message = opened.kind === "error" ? opened.message : "it cannot be applied";
  return { problem: { offset: 0, length: text.length, message } };
}
