/** The columns that a plan shows, groups by and sorts by, checked against the catalogue. */
import type { Catalog, CatalogColumn } from "../catalogue/catalog.ts";
import type { Demand } from "../model/demand.ts";
import { COUNT, type SortKey } from "./plan.ts";

/** Column names from the user; undefined for an option that was not given. */
export interface ViewRequest {
  /** Columns to show, or with `by`, columns to add up. */
  readonly columns?: readonly string[] | undefined;
  /** Columns to group sockets by. */
  readonly by?: readonly string[] | undefined;
  /** Columns to sort by; `-` before a name puts the largest value first. */
  readonly sort?: readonly string[] | undefined;
  /** Whether tcp_info is requested, so that groups also add up transferred bytes. */
  readonly info: boolean;
}

/** The columns of a plan. */
export interface View {
  /** Columns to show, or the numbers that groups add up; undefined for all columns of the format. */
  readonly columns?: readonly string[];
  /** Columns to group by; undefined for a row per socket. */
  readonly by?: readonly string[];
  readonly sort: readonly SortKey[];
  /** Demands of the columns. */
  readonly demands: readonly Demand[];
}

/** A wrong column name or combination of columns. `message` explains it in one line. */
export class ViewError extends RangeError {
  override readonly name = "ViewError";
  /** Distinguishes it from other errors. */
  readonly code = "view";
}

/** Columns that groups add up by default: the queues, and with tcp_info also the transferred bytes. */
const DEFAULT_SUMS = ["recvq", "sendq"];
const DEFAULT_INFO_SUMS = ["bytes_sent", "bytes_received"];

/** Reads `NAME` or `-NAME`. */
export function sortKey(text: string): SortKey {
  return text.startsWith("-") ? { name: text.slice(1), descending: true } : { name: text, descending: false };
}

/** The demands of columns. A column never makes the demand `netns`, which would list other namespaces. */
function demandsOf(columns: readonly CatalogColumn[]): Demand[] {
  return columns.flatMap(({ demand }) => (demand === undefined || demand === "netns" ? [] : demand));
}

/** Whether a column is a number, so that it can be added up. */
function isNumeric({ type }: CatalogColumn): boolean {
  return type === "integer" || type === "number";
}

/**
 * Resolves column names.
 *
 * @throws ViewError for an unknown name, for a name of several columns where one is needed, for a sum of texts, and
 *   for an order of groups by a column that they do not have
 */
export function viewOf(request: ViewRequest, { find }: Pick<Catalog, "find">): View {
  const { columns, by } = request;
  const sort = (request.sort ?? []).map(sortKey);
  const sums =
    by === undefined ? [] : (columns ?? [...DEFAULT_SUMS, ...(request.info ? DEFAULT_INFO_SUMS : [])]);
  const sortNames = sort.map(({ name }) => name).filter((name) => by === undefined || name !== COUNT);
  const found = (name: string): readonly CatalogColumn[] => {
    const meant = find(name);
    if (meant === undefined) throw new ViewError(`unknown column "${name}": --columns help lists them`);
    return meant;
  };
  const all = [...(columns ?? []), ...(by ?? []), ...sums, ...sortNames].flatMap(found);
  for (const name of [...(by ?? []), ...sortNames]) {
    const meant = found(name);
    if (meant.length > 1)
      throw new ViewError(`"${name}" is several columns: ${meant.map(({ key }) => key).join(", ")}`);
  }
  for (const column of sums.flatMap(found))
    if (!isNumeric(column))
      throw new ViewError(
        `"${column.key}" is not a number: with --by, --columns names the numbers to add up`,
      );
  if (by !== undefined) {
    const keys = new Set([...by, ...sums].flatMap(found).map(({ key }) => key));
    const lost = sortNames.find((name) => !keys.has(found(name)[0]!.key));
    if (lost !== undefined)
      throw new ViewError(`cannot sort groups by "${lost}": it is neither in --by nor added up nor ${COUNT}`);
  }
  const shown = by === undefined ? columns : sums;
  return {
    sort,
    demands: demandsOf(all),
    ...(shown === undefined ? {} : { columns: shown }),
    ...(by === undefined ? {} : { by }),
  };
}
