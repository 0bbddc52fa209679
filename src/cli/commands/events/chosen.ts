/** Which sockets the options and the filter of `events` choose. */
import type { FilterSource } from "../../../filter/source.ts";
import { AF_INET, AF_INET6 } from "../../../model/family.ts";
import type { Selection } from "../../../model/selection.ts";
import type { Draft } from "../../draft.ts";
import { EXIT_USAGE, isStop, type Stop } from "../../getopt.ts";
import { select } from "../../select.ts";

/** The end of a run of `events`, with a message. */
export function eventsStop(program: string, message: string): Stop {
  return { kind: "error", message: `${program}: events: ${message}`, usage: false, status: EXIT_USAGE };
}

/** The words of `--until`: like those of the command line, they may begin with states. */
export function untilWords(until: string): FilterSource {
  return { args: until.split(/\s+/).filter((word) => word !== ""), file: undefined };
}

/** The selection of a filter and the states before it. */
export interface Chosen {
  readonly selection: Selection;
  readonly words: FilterSource;
  /** The states that the words name; undefined if they name none. */
  readonly states: number | undefined;
}

/** The TCP and UDP part of the selection by options and words. */
export function choose({ choice }: Draft, words: FilterSource, program: string): Chosen | Stop {
  const selected = select(choice, words.args, program);
  if (isStop(selected)) return selected;
  const { selection } = selected;
  const tables = new Set((["tcp", "udp"] as const).filter((table) => selection.tables.has(table)));
  const families = new Set([AF_INET, AF_INET6].filter((family) => selection.families.has(family)));
  if (tables.size === 0 || families.size === 0)
    return eventsStop(program, "only TCP and UDP sockets are followed");
  const named = choice.stateFilter !== 0 || selected.words.length < words.args.length;
  return {
    selection: { ...selection, tables, families },
    words: { args: selected.words, file: words.file },
    states: named ? selection.states : undefined,
  };
}

/** Whether a filter has no words at all. */
export function isEmpty({ args, file }: FilterSource): boolean {
  return args.length === 0 && file === undefined;
}
