/** Which dumps a selection needs, in ss's order. */
import { AF_INET, AF_INET6 } from "./family.ts";
import { allTables, type DumpName, dumpOrder, type Selection, tables } from "./selection.ts";
import { SS_CLOSE } from "./state.ts";

/** One request to the kernel, or two where a table has two families. */
export interface Dump {
  readonly name: DumpName;
  /** AF_* numbers in the order of the requests; the second is sent only if the first is answered. */
  readonly families: readonly number[];
}

/** These have no states: they are closed, and listed only if closed sockets are wanted. */
const stateless: ReadonlySet<DumpName> = new Set(["netlink", "packet", "xdp"]);

/** The families of an inet dump: the preferred one alone, or both, whatever the selected ones are. */
function inetFamilies(preferred: number | undefined): readonly number[] {
  if (preferred === AF_INET || preferred === AF_INET6) return [preferred];
  return [AF_INET, AF_INET6];
}

/** The dumps of a selection, in ss's order. Rows of families that are not selected may still come, and are dropped. */
export function requestOrder(selection: Selection): readonly Dump[] {
  const closed = (selection.states & (1 << SS_CLOSE)) !== 0;
  const dumps: Dump[] = [];
  for (const name of dumpOrder) {
    const own = allTables.filter((table) => tables[table].dump === name);
    if (!own.some((table) => selection.tables.has(table))) continue;
    if (stateless.has(name) && !closed) continue;
    const theirs = tables[own[0]!].families;
    // ss asks for tipc even if the filter has named another family.
    if (name !== "tipc" && !theirs.some((family) => selection.families.has(family))) continue;
    dumps.push({ name, families: theirs.length > 1 ? inetFamilies(selection.preferred) : theirs });
  }
  return dumps;
}
