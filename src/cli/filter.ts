/** The filter of a command line: what it makes of the selection, and what is said of a wrong one. */

import type { RpcNames } from "../enrich/rpc.ts";
import { pointOut, printable } from "../filter/caret.ts";
import type { FilterError } from "../filter/errors.ts";
import { readFilter } from "../filter/resolve.ts";
import { type FilterSource, sourceText } from "../filter/words.ts";
import type { Host } from "../host/host.ts";
import { localPortRange } from "../lookup/names.ts";
import type { Selection } from "../model/selection.ts";
import type { Predicate } from "../query/list.ts";
import { type FindOwners, lookupsOf, predicateOf } from "../query/predicate.ts";
import { usage } from "./help.ts";
import { narrowToFamily } from "./select.ts";
import type { World } from "./world.ts";

/** A selection as a filter has left it. */
export interface Filtered {
  readonly selection: Selection;
  readonly predicate: Predicate | undefined;
}

/** Columns of a terminal that does not tell its width. */
const USUAL_COLUMNS = 80;

/**
 * Reads the filter.
 *
 * @param portRangePath where ip_local_port_range stands
 * @param findOwners is asked only if the filter is about owners
 * @param rpcNames is asked only if the filter may have the name of an RPC program; left out: there are none
 * @throws FilterError
 */
export async function applyFilter(
  { program }: World,
  host: Host,
  selection: Selection,
  source: FilterSource,
  portRangePath: string,
  findOwners: FindOwners,
  rpcNames?: () => Promise<RpcNames>,
): Promise<Filtered> {
  const { tables, preferred } = selection;
  const rpc = sourceText(source).includes("rpc.") ? await rpcNames?.() : undefined;
  const lookups = { ...lookupsOf(host), ...(rpc && { rpcPorts: rpc.ports }) };
  const context = { program, tables, preferred, lookups };
  const { filter, family } = await readFilter(source, context, host.resolver);
  const narrowed = family === undefined ? selection : narrowToFamily(selection, family);
  if (filter === undefined) return { selection: narrowed, predicate: undefined };
  const portRange = localPortRange(host, portRangePath);
  return { selection: narrowed, predicate: predicateOf(filter, portRange, findOwners) };
}

/** What a wrong filter is answered with: ss's words, and on a terminal the place and what was expected there. */
export function filterComplaint(world: World, error: FilterError, source: FilterSource): string {
  const { terminalColumns } = world.stderr;
  const help = error.usage ? usage(world) : "";
  if (terminalColumns === undefined) return `${error.report}${help}`;
  const line = pointOut(source, error, terminalColumns || USUAL_COLUMNS, (text) => Bun.stringWidth(text));
  return `${printable(error.report)}${help}${line} expected ${error.expected}\n`;
}
