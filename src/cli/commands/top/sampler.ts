/** Takes samples of the sockets that a command line selects. */

import type { FilterSource } from "../../../filter/source.ts";
import type { Host } from "../../../host/host.ts";
import { type OwnerSearch, ownerSearch } from "../../../live/owners.ts";
import { type Sample, SocketTable } from "../../../live/table.ts";
import type { Demand } from "../../../model/demand.ts";
import type { Selection, Table } from "../../../model/selection.ts";
import { allParts } from "../../../query/all-parts.ts";
import { type OpenQuery, openQuery, type QueryContext } from "../../../query/open.ts";
import type { Problem } from "../../../query/query.ts";
import type { Draft } from "../../draft.ts";
import { filterStop } from "../../filter.ts";
import { isStop, type Stop } from "../../getopt.ts";
import { planOf } from "../../plan.ts";
import { problemText } from "../../report.ts";
import { chooseTables, select } from "../../select.ts";
import type { World } from "../../world.ts";
import { type Clock, takeTurns } from "../turns.ts";
import { listenForEndings } from "./ended.ts";

/** Takes samples of the selected sockets. */
export interface Sampler extends Disposable {
  readonly query: OpenQuery;
  /** The sockets of the last samples, until {@link restart}. */
  readonly table: SocketTable;
  readonly owners: OwnerSearch;
  /**
   * Takes a sample. Keys and signals are handled meanwhile.
   *
   * @param signal aborts the sample: it throws the signal's reason, and no further sample can be taken
   */
  take(signal: AbortSignal): Promise<Sample>;
  /** Forgets all samples, so that the next one has no rates. */
  restart(): void;
  /** The problems since the last call, each once. */
  notes(): readonly string[];
}

/** Tables whose columns, except drops, do not need SK_MEMINFO, which is costly. */
const withoutDrops: ReadonlySet<Table> = new Set(["tcp", "mptcp"]);

/** The selection of a command line: the tables of IP by default, as other sockets have no rates. */
export function selectionOf({ choice }: Draft, words: FilterSource, program: string) {
  const chosen = choice.made ? choice : chooseTables(choice, "inet");
  return "illegal" in chosen ? select(choice, words.args, program) : select(chosen, words.args, program);
}

/** Problems of looking up a control group. Only the details show it, and they leave it out. */
const quietProblems: ReadonlySet<Problem["kind"]> = new Set(["cgroupMount", "cgroupId", "mounts"]);

/** The demands of each socket. */
function demandsOf({ tables }: Selection): Demand[] {
  return [...tables].some((table) => !withoutDrops.has(table)) ? ["info", "memory"] : ["info"];
}

/** Opens the query of a command line. @returns a Stop for words that cannot be parsed */
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
  const context: QueryContext = {
    host,
    parts: allParts,
    keep: false,
    // Problems of a sample are shown with it, each once.
    report(problem) {
      if (!quietProblems.has(problem.kind)) notes.add(problemText(world, host, plan.sources, problem).trim());
    },
  };
  let query: OpenQuery;
  try {
    query = await openQuery(context, plan);
  } catch (error) {
    return filterStop(world, error, filter);
  }
  /** Whether the past has a network namespace now that it did not have when the query was opened. */
  const hasOthers = (): boolean => {
    if (past === undefined || !plan.allNetns) return false;
    const known = new Set(query.places.map(({ netns }) => netns?.inode));
    return host.namespaces?.().some(({ netns }) => !known.has(netns.inode)) ?? false;
  };
  const { past } = host;
  const searchOwners = () => ownerSearch(host.files, plan.sources.root, (uid) => query.names.user(uid));
  let table = new SocketTable();
  let owners = searchOwners();
  // The sockets that ended in the past are in no sample.
  const endings = past === undefined ? await listenForEndings(context, query, () => table) : undefined;
  const readAt: Clock = past === undefined ? clock : () => past.bootMs;
  return {
    get query() {
      return query;
    },
    get table() {
      return table;
    },
    get owners() {
      return owners;
    },
    async take(signal) {
      const breathe = takeTurns(clock, signal);
      if (hasOthers()) query = await openQuery(context, plan);
      table.begin(readAt());
      for (const batch of query.sockets()) {
        table.add(batch, readAt());
        await breathe();
      }
      endings?.drain();
      const sample = table.finish();
      // Each moment of the past has its own processes.
      if (past !== undefined) owners = searchOwners();
      await owners.refresh(table, clock, breathe);
      return sample;
    },
    restart() {
      table = new SocketTable();
    },
    notes() {
      const lines = [...notes].filter((line) => line !== "");
      notes.clear();
      return lines;
    },
    [Symbol.dispose]() {
      endings?.[Symbol.dispose]();
      query[Symbol.dispose]();
    },
  };
}
