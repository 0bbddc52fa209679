/** The dump requests for a selection, in ss's order. */
import { AF_INET, AF_INET6 } from "./family.ts";
import { type DumpName, dumpOrder, hasAny, type Selection, type Table, tables } from "./selection.ts";
import { SS_CLOSE } from "./state.ts";

/** A dump request, or two for a table with two families. */
export interface Dump {
  readonly name: DumpName;
  /** AF_* numbers in request order. The second request is sent only if the kernel answers the first. */
  readonly families: readonly number[];
}

/** Dumps of stateless sockets. These count as closed, so they are listed only if the selection has closed sockets. */
const stateless: ReadonlySet<DumpName> = new Set(["netlink", "packet", "xdp"]);

/** The families of an inet dump: the preferred one, or else both, regardless of the selected families. */
function inetFamilies(preferred: number | undefined): readonly number[] {
  if (preferred === AF_INET || preferred === AF_INET6) return [preferred];
  return [AF_INET, AF_INET6];
}

/** The dumps of a selection, in ss's order. They may return families that are not selected; callers drop those rows. */
export function requestOrder(selection: Selection): readonly Dump[] {
  const closed = (selection.states & (1 << SS_CLOSE)) !== 0;
  const dumps: Dump[] = [];
  const wanted = new Map<DumpName, Table>();
  for (const table of selection.tables) wanted.set(tables[table].dump, table);
  for (const name of dumpOrder) {
    const table = wanted.get(name);
    if (table === undefined || (stateless.has(name) && !closed)) continue;
    const theirs: readonly number[] = tables[table].families;
    // ss requests tipc even if the filter names another family.
    if (name !== "tipc" && !hasAny(selection.families, theirs)) continue;
    dumps.push({ name, families: theirs.length > 1 ? inetFamilies(selection.preferred) : theirs });
  }
  return dumps;
}
