/** The connections of a span, as a listing. */
import { withDeadline } from "../../../enrich/resolve.ts";
import { FilterError } from "../../../filter/errors.ts";
import { parseFilter } from "../../../filter/parser.ts";
import type { Filter } from "../../../filter/tree.ts";
import type { Host } from "../../../host/host.ts";
import { filterLookups } from "../../../lookup/filter-lookups.ts";
import { demandSet } from "../../../model/demand.ts";
import { stateGroups } from "../../../model/state.ts";
import { selectedKinds } from "../../../output/columns.ts";
import type { Plan } from "../../../plan/plan.ts";
import { type OpenQuery, openQuery } from "../../../query/open.ts";
import {
  anyConnection,
  type ConnectionQuery,
  impliedConditions,
  sortedColumns,
} from "../../../store/conditions.ts";
import { connectionColumns, connectionsOf } from "../../../store/connections.ts";
import { pastHost } from "../../../store/past.ts";
import type { Span, StoreReader } from "../../../store/reader.ts";
import { filterStop } from "../../filter.ts";
import { isStop } from "../../getopt.ts";
import { halt } from "../../halt.ts";
import { planListing } from "../../plan.ts";
import { reporter } from "../../report.ts";
import { chooseStates, chooseTables } from "../../select.ts";
import { show } from "../../show.ts";
import { viewFor } from "../../view.ts";
import type { Task } from "../command.ts";
import type { HistorySettings } from "./settings.ts";

const encoder = new TextEncoder();

/** What of a plan SQLite can decide. A filter that is wrong is reported when it is opened. */
function wantedConnections(
  { filter: source, selection, order }: Plan,
  host: Host,
  isGrouped: boolean,
): ConnectionQuery {
  const { tables, families, preferred, states } = selection;
  let filter: Filter | undefined;
  try {
    if (source !== undefined)
      ({ filter } = parseFilter(source, { tables, preferred, lookups: filterLookups(host) }));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return anyConnection;
  }
  const { conditions, whole } = impliedConditions(filter);
  const isAll = states === stateGroups.all && tables.has("tcp") && tables.has("udp") && families.size > 1;
  const [key, another] = order.sort;
  const column = key && sortedColumns[key.name as keyof typeof sortedColumns];
  if (!whole || !isAll || isGrouped || order.top === undefined) return { conditions };
  if (key === undefined || column === undefined || another !== undefined) return { conditions };
  return { conditions, first: { column, descending: key.descending, count: order.top } };
}

/** Lists the connections that were open in a span. @returns the exit status */
export async function listConnections(
  { world, host, draft: given, words }: Task<HistorySettings>,
  reader: StoreReader,
  span: Span,
): Promise<number> {
  const tables = given.choice.made ? given.choice : chooseTables(given.choice, "tcp,udp");
  if ("illegal" in tables) throw new TypeError("tcp and udp are tables");
  // Columns bring what they need. Owners of a hundred thousand connections are not looked up for nothing.
  const isChosen = given.columns !== undefined || given.by !== undefined;
  const isPlain = given.format === "table" && !isChosen;
  const draft = {
    ...given,
    choice: chooseStates(tables, stateGroups.all),
    demands: demandSet(given.demands, isChosen ? ["past"] : ["past", "info", "owners"]),
    ...(isPlain ? { columns: connectionColumns } : {}),
  };
  const view = await viewFor(world, draft, selectedKinds(tables));
  if (isStop(view)) return halt(world, view);
  const planned = await planListing(world, draft, view, words);
  if (isStop(planned)) return halt(world, planned);
  const { plan, presentation } = planned;
  const { facts, cut } = connectionsOf(reader, span, wantedConnections(plan, host, draft.by !== undefined));
  const past = pastHost(facts, host.files, withDeadline(host.resolver, draft.resolveTimeoutMs));
  let opened: OpenQuery;
  try {
    opened = await openQuery({ host: past, report: reporter(world, past, plan.sources) }, plan);
  } catch (error) {
    return halt(world, filterStop(world, error, plan.filter));
  }
  using query = opened;
  await show(world, query, presentation, query.resolved);
  if (cut)
    world.stderr.write(encoder.encode(`${world.program}: history: only the first connections are shown\n`));
  return 0;
}
