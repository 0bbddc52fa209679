/** Taking samples of what a command line is about. */

import type { FilterSource } from "../../../filter/source.ts";
import type { Host } from "../../../host/host.ts";
import { type OwnerSearch, ownerSearch } from "../../../live/owners.ts";
import { type Sample, SocketTable } from "../../../live/table.ts";
import type { Demand } from "../../../model/demand.ts";
import type { Selection, Table } from "../../../model/selection.ts";
import { allParts } from "../../../query/all-parts.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import { filterStop } from "../../filter.ts";
import { isStop, type Stop } from "../../getopt.ts";
import type { Draft } from "../../options.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import { chooseTables, select } from "../../select.ts";
import type { World } from "../../world.ts";
import { type Clock, takeTurns } from "./turns.ts";

/** What is looked on at. */
export interface Sampler extends Disposable {
  readonly query: OpenQuery;
  readonly table: SocketTable;
  readonly owners: OwnerSearch;
  /**
   * Takes a sample. What goes on meanwhile (keys, signals) is let in.
   *
   * @param signal ends it: its reason is thrown then, and no other sample can be taken
   */
  take(signal: AbortSignal): Promise<Sample>;
  /** What went wrong since this was asked last, each thing once. */
  notes(): readonly string[];
}

/** The kinds of sockets whose tables tell of all that is shown without their memory. */
const withoutDrops: ReadonlySet<Table> = new Set(["tcp", "mptcp"]);

/** Without a choice of tables it is those of IP that are looked at: of others there are no rates. */
export function selectionOf({ choice }: Draft, words: FilterSource, program: string) {
  const chosen = choice.made ? choice : chooseTables(choice, "inet");
  return "illegal" in chosen ? select(choice, words.args, program) : select(chosen, words.args, program);
}

/** What is wanted of each socket. */
function demandsOf({ tables }: Selection): Demand[] {
  return [...tables].some((table) => !withoutDrops.has(table)) ? ["info", "memory"] : ["info"];
}

/** Opens what a command line is about. @returns a Stop for words that cannot be understood */
export async function openSampler(
  world: World,
  host: Host,
  draft: Draft,
  words: FilterSource,
  clock: Clock,
): Promise<Sampler | Stop> {
  const selected = selectionOf(draft, words, world.program);
  if (isStop(selected)) return selected;
  const { selection } = selected;
  const filter = { args: selected.words, file: words.file };
  const plan = planOf(world, draft, selection, filter, { demands: demandsOf(selection) });
  const notes = new Set<string>();
  let query: OpenQuery;
  try {
    query = await openQuery(
      {
        host,
        parts: allParts,
        keep: false,
        // Problems of a sample are shown with it, each once.
        report: (problem) => void notes.add(problemText(world, host, plan.sources, problem).trim()),
      },
      plan,
    );
  } catch (error) {
    return filterStop(world, error, filter);
  }
  const table = new SocketTable();
  const owners = ownerSearch(host.files, plan.sources.root);
  return {
    query,
    table,
    owners,
    async take(signal) {
      const breathe = takeTurns(clock, signal);
      table.begin(clock());
      for (const batch of query.sockets()) {
        table.add(batch, clock());
        await breathe();
      }
      const sample = table.finish();
      await owners.refresh(table, clock, breathe);
      return sample;
    },
    notes() {
      const lines = [...notes].filter((line) => line !== "");
      notes.clear();
      return lines;
    },
    [Symbol.dispose]: () => query[Symbol.dispose](),
  };
}
