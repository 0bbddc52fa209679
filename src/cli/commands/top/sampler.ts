/** Taking samples of what a command line is about. */

import type { FilterSource } from "../../../filter/source.ts";
import type { Host } from "../../../host/host.ts";
import { type OwnerSearch, ownerSearch } from "../../../live/owners.ts";
import { type Sample, SocketTable } from "../../../live/table.ts";
import type { Selection, Table } from "../../../model/selection.ts";
import type { Stop } from "../../getopt.ts";
import { type Listing, openListing } from "../../listing.ts";
import type { Draft } from "../../options.ts";
import { chooseTables, select } from "../../select.ts";
import type { World } from "../../world.ts";
import { type Clock, takeTurns } from "./turns.ts";

/** What is looked on at. */
export interface Sampler extends Disposable {
  readonly listing: Listing;
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

/** What is asked of each socket. */
function needsOf(draft: Draft, { tables }: Selection): Draft {
  return { ...draft, info: true, memory: [...tables].some((table) => !withoutDrops.has(table)) };
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
  if ("kind" in selected) return selected;
  const noted = new Set<string>();
  const decoder = new TextDecoder();
  // What is said while samples are taken belongs to them.
  const stderr = {
    terminalColumns: undefined,
    write: (bytes: Uint8Array) => void noted.add(decoder.decode(bytes).trim()),
  };
  const opened = await openListing({ ...world, stderr }, host, {
    selection: selected.selection,
    words: { args: selected.words, file: words.file },
    needs: needsOf(draft, selected.selection),
    uid: false,
    keep: false,
  });
  if ("kind" in opened) return opened;
  const table = new SocketTable();
  const owners = ownerSearch(host.files, opened.query.sources?.root ?? "/proc");
  return {
    listing: opened,
    table,
    owners,
    async take(signal) {
      const breathe = takeTurns(clock, signal);
      table.begin(clock());
      for (const batch of opened.list()) {
        table.add(batch, clock());
        await breathe();
      }
      const sample = table.finish();
      await owners.refresh(table, clock, breathe);
      return sample;
    },
    notes() {
      const all = [...noted].filter((note) => note !== "");
      noted.clear();
      return all;
    },
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}
