/** The filter of a command line: what it makes of the selection, and what is said of a wrong one. */
import { filterLookups } from "../enrich/filter-lookups.ts";
import { localPortRange } from "../enrich/names.ts";
import type { RpcNames } from "../enrich/rpc.ts";
import { pointOut, printable } from "../filter/caret.ts";
import type { FilterError } from "../filter/errors.ts";
import { readFilter } from "../filter/resolve.ts";
import { type FilterSource, sourceText } from "../filter/source.ts";
import type { Host } from "../host/host.ts";
import { type FindOwners, predicateOf } from "../list/predicate.ts";
import type { Selection } from "../model/selection.ts";
import type { Predicate } from "../query.ts";
import { filterReport } from "./filter-report.ts";
import type { Stop } from "./getopt.ts";
import { usage } from "./help.ts";
import { narrowToFamily } from "./select.ts";
import type { World } from "./world.ts";

/** A selection as a filter has left it. */
export interface Filtered {
  readonly selection: Selection;
  readonly predicate: Predicate | undefined;
}

/** Columns of a terminal that does not say its width. */
const DEFAULT_COLUMNS = 80;

/**
 * Reads the filter.
 *
 * @param portRangePath where ip_local_port_range stands
 * @param findOwners is asked only if the filter is about owners
 * @param rpcNames is asked only if the filter may have the name of an RPC program; left out: there are none
 * @throws FilterError
 */
export async function applyFilter(
  host: Host,
  selection: Selection,
  source: FilterSource,
  portRangePath: string,
  findOwners: FindOwners,
  rpcNames?: () => Promise<RpcNames>,
): Promise<Filtered> {
  const { tables, preferred } = selection;
  const rpc = sourceText(source).includes("rpc.") ? await rpcNames?.() : undefined;
  const lookups = { ...filterLookups(host), ...(rpc && { rpcPorts: rpc.ports }) };
  const context = { tables, preferred, lookups };
  const { filter, family } = await readFilter(source, context, host.resolver);
  const narrowed = family === undefined ? selection : narrowToFamily(selection, family);
  if (filter === undefined) return { selection: narrowed, predicate: undefined };
  const portRange = localPortRange(host, portRangePath);
  return { selection: narrowed, predicate: predicateOf(filter, portRange, findOwners) };
}

/** How a mistake in a filter ends the run: ss's message, and on a terminal also the wrong word and what was expected. */
export function filterStop(world: World, error: FilterError, source: FilterSource): Stop {
  const { terminalColumns } = world.stderr;
  const { text, usage: withUsage, status } = filterReport(error, world.program);
  const help = withUsage ? usage(world) : "";
  const stop = (message: string): Stop => ({ kind: "error", message, usage: false, status });
  if (terminalColumns === undefined) return stop(`${text}${help}`.replace(/\n$/, ""));
  const columns = terminalColumns || DEFAULT_COLUMNS;
  const line = pointOut(source, error, columns, (piece) => Bun.stringWidth(piece));
  return stop(`${printable(text)}${help}${line} expected ${error.expected}`);
}
