/** The column `host`, which agents do not know: it is taken out of a question and put into the answers. */
import type { CatalogColumn } from "../../catalogue/catalog.ts";
import type { SortKey } from "../../plan/plan.ts";
import { sortKey } from "../../plan/view.ts";
import type { Chosen } from "../chosen-columns.ts";
import type { Draft } from "../draft.ts";
import type { Parsed } from "../parse.ts";

const HOST = "host";
/** The column where nothing is left without the host: there must be one. */
const STAND_IN = "netid";

/** The column as rows show it. */
export const hostColumn: Chosen = {
  name: HOST,
  column: {
    key: HOST,
    type: "string",
    doc: "host that the row is from",
    shorts: [],
    readerOf: () => undefined,
    read: () => undefined,
  } satisfies CatalogColumn,
};

/** A list of columns without the host. */
export interface Placed {
  /** The names to request. */
  readonly names: readonly string[];
  /** Where the host stands in the list; undefined if it is not in it. */
  readonly at: number | undefined;
  /** Whether the host was the whole list, so that the one name is not to be shown. */
  readonly alone: boolean;
}

/** The lists of a command line that name columns. */
export interface PlacedLists {
  readonly columns: Placed | undefined;
  readonly by: Placed | undefined;
  /** All keys, the host among them, in order. */
  readonly sort: readonly SortKey[];
}

function isHost(name: string): boolean {
  return sortKey(name).name.toLowerCase() === HOST;
}

function placed(list: readonly string[] | undefined): Placed | undefined {
  if (list === undefined) return undefined;
  const at = list.findIndex(isHost);
  const names = list.filter((name) => !isHost(name));
  const alone = at >= 0 && names.length === 0;
  return { names: alone ? [STAND_IN] : names, at: at < 0 ? undefined : at, alone };
}

/** The same row of values with the host in its place. */
export function withHost<T>(values: readonly T[], host: T, { at, alone }: Placed, otherwise?: number): T[] {
  if (alone) return [host];
  const place = at ?? otherwise;
  return place === undefined ? [...values] : values.toSpliced(place, 0, host);
}

/** Takes the host out of the columns that a command line names. */
export function withoutHost(
  draft: Draft,
  steps: Parsed["steps"],
): { readonly lists: PlacedLists; readonly draft: Draft; readonly steps: Parsed["steps"] } {
  const columns = placed(draft.columns);
  const by = placed(draft.by);
  const sortNames = draft.sort?.filter((name) => !isHost(name)) ?? [];
  const { sort: _, ...rest } = draft;
  const lists: Readonly<Record<string, readonly string[] | undefined>> = {
    columns: columns?.names,
    by: by?.names,
    sort: sortNames,
  };
  return {
    lists: { columns, by, sort: (draft.sort ?? []).map(sortKey) },
    draft: {
      ...rest,
      ...(columns === undefined ? {} : { columns: columns.names }),
      ...(by === undefined ? {} : { by: by.names }),
      ...(sortNames.length === 0 ? {} : { sort: sortNames }),
    },
    steps: steps.flatMap(({ long, value }) => {
      const names = lists[long];
      if (names === undefined) return [{ long, value }];
      return names.length === 0 ? [] : [{ long, value: names.join(",") }];
    }),
  };
}
