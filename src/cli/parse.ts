/** Parses a command line into the draft of a run. */
import { demandSet } from "../model/demand.ts";
import { blankDraft, type Draft } from "./draft.ts";
import { getopt, isStop, type OptionNames, type Stop, usageError } from "./getopt.ts";
import type { Option } from "./option.ts";
import { options } from "./options.ts";
import type { World } from "./world.ts";

/** A parsed command line, before any side effect. */
export interface Parsed {
  /** The effect of the options up to the end or an error. Its actions run before `stop` is reported. */
  readonly draft: Draft;
  /** The options in order, each by its first long name. */
  readonly steps: readonly { readonly long: string; readonly value: string | undefined }[];
  /** Words that are not options: state words, then the filter. */
  readonly words: readonly string[];
  /** Why the run ends here, if it does. */
  readonly stop?: Stop;
}

/** Applies an option to the draft. Returns the new draft, or the end of the run. */
export function applyOption(option: Option, draft: Draft, value: string, program: string): Draft | Stop {
  const { demands, style, apply } = option;
  const next: Draft = {
    ...draft,
    given: new Set([...draft.given, option.longs[0]!]),
    ...(demands === undefined ? {} : { demands: demandSet(draft.demands, demands) }),
    ...(style === undefined ? {} : { style: { ...draft.style, ...style } }),
  };
  return apply === undefined ? next : apply(next, value, program);
}

/** Ends the query of another host that has an option which is not for others to choose. */
export function refusedRemotely(
  { remote, program }: Pick<World, "remote" | "program">,
  { longs }: OptionNames,
) {
  const [long = ""] = longs;
  const why = remote?.refusal(long);
  return why === undefined
    ? undefined
    : usageError(`${program}: --${long} cannot be sent to another host: ${why}`);
}

/** Parses the arguments. Honours POSIXLY_CORRECT as getopt does. Never throws and has no side effects. */
export function parse(world: Pick<World, "program" | "args" | "env" | "remote">): Parsed {
  const { program, args, env } = world;
  const firstWordEnds = env["POSIXLY_CORRECT"] !== undefined;
  const { steps: found, words, error } = getopt(options, args, { program, firstWordEnds });
  const steps: Parsed["steps"][number][] = [];
  for (const { row, value } of found) steps.push(spelled(row, value));
  let draft = blankDraft;
  for (const { row, value } of found) {
    const next = refusedRemotely(world, row) ?? applyOption(row, draft, value, program);
    if (isStop(next)) return { draft, steps, words, stop: next };
    draft = next;
  }
  return error ? { draft, steps, words, stop: error } : { draft, steps, words };
}

/** An option with its full name, whatever was typed. */
export function spelled({ longs, value: takes }: OptionNames, value: string): Parsed["steps"][number] {
  return { long: longs[0]!, value: takes === undefined ? undefined : value };
}
