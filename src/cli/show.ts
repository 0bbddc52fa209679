/** Shows sockets as ss's table, as JSON, or as rows of chosen columns. */

import { familyOf } from "../families/index.ts";
import { kindOfDump } from "../model/selection.ts";
import type { OpenQuery } from "../query/open.ts";
import type { SocketBatch } from "../query/query.ts";
import type { Style } from "../table/style.ts";
import { Table, type TableColumn } from "../table/table.ts";
import { useTable } from "./name-source.ts";
import { isSsTable, type Presentation, type ShowOptions } from "./plan.ts";
import { netidHidden, stateHidden } from "./select.ts";
import type { World } from "./world.ts";

/** Shows sockets in the presentation's format. */
export async function show(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  options: ShowOptions = {},
): Promise<void> {
  const { sort, top } = query.plan.order;
  if (isSsTable(presentation) && sort.length === 0 && top === undefined) {
    await showTable(world, query, presentation, batches, options);
    return;
  }
  const { showMachine } = await import("./machine-formats.ts");
  const { arranged } = await import("./arranged.ts");
  const ordered = presentation.by === undefined ? arranged(query, presentation, batches) : batches;
  if (isSsTable(presentation)) await showTable(world, query, presentation, ordered, options);
  else await showMachine(world, query, presentation, ordered, options);
}

/** Columns of ss's table that this run leaves out. */
function hiddenColumns({ shown, queues }: Presentation, { selection }: OpenQuery): Set<TableColumn> {
  const hidden: [TableColumn, boolean][] = [
    ["netns", !shown.has("netns")],
    ["netid", netidHidden(selection)],
    ["state", stateHidden(selection)],
    ["recvQueue", !queues],
    ["sendQueue", !queues],
    ["process", !shown.has("owners")],
    ["peerProcess", !shown.has("peers")],
    ["container", !shown.has("containers")],
  ];
  return new Set(hidden.flatMap(([column, isHidden]) => (isHidden ? column : [])));
}

/** Width of the terminal, or else COLUMNS; undefined for the layout that ss uses on a pipe. */
function screenWidth({ stdout, env }: World): number | undefined {
  if (stdout.terminalColumns) return stdout.terminalColumns;
  const columns = Number.parseInt(env["COLUMNS"] ?? "", 10);
  return columns > 0 ? columns : undefined;
}

async function showTable(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
  batches: AsyncIterable<SocketBatch> | Iterable<SocketBatch>,
  { following = false }: ShowOptions,
): Promise<void> {
  const { header, style: row, shown, explainer } = presentation;
  const { names } = query;
  const screen = screenWidth(world);
  const table = new Table({
    hidden: hiddenColumns(presentation, query),
    header,
    screen,
    write: (bytes) => world.stdout.write(bytes),
  });
  const style: Style = { ...row, escape: world.stdout.terminalColumns !== undefined };
  const explains = shown.has("explanation");
  const { families } = query.request.parts;
  for await (const batch of batches) {
    useTable(names, batch, following);
    const family = familyOf(families, kindOfDump(batch.dump));
    for (const socket of batch.sockets) {
      family.writeRow(table, socket, style, names);
      if (explains && socket.kind === "inet")
        table.note(explainer!.explanationText(socket, { screen, oneline: style.oneline }));
    }
    if (following) table.flush();
  }
  if (!following) table.flush();
}
