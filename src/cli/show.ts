/** Shows sockets as ss's table, as JSON, or as rows of chosen columns. */

import { U16_MAX } from "../bytes/c-numbers.ts";
import { type Families, familyOf } from "../families/index.ts";
import { directInetRows } from "../families/inet/direct.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import { kindOfDump } from "../model/selection.ts";
import { tableChooser } from "../output/name-source.ts";
import type { OpenQuery } from "../query/open.ts";
import type { RowSink, SocketBatch } from "../query/query.ts";
import type { Names, Style } from "../table/style.ts";
import { Table, type TableColumn } from "../table/table.ts";
import { isSsTable, type Presentation, type ShowOptions } from "./plan.ts";
import { netidHidden, stateHidden } from "./select.ts";
import type { World } from "./world.ts";

/** Lists the sockets to show. @param rows writes sockets directly, without a batch */
export type SocketSource = (rows?: RowSink) => AsyncIterable<SocketBatch> | Iterable<SocketBatch>;

/** Shows sockets in the presentation's format. */
export async function show(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
  list: SocketSource,
  options: ShowOptions = {},
): Promise<void> {
  const { sort, top } = query.plan.order;
  if (isSsTable(presentation) && sort.length === 0 && top === undefined) {
    await showTable(world, query, presentation, list, options);
    return;
  }
  const { arranged } = await import("./arranged.ts");
  // Groups are sorted when they are counted.
  const arranges = presentation.by === undefined && (sort.length > 0 || top !== undefined);
  const ordered: SocketSource = arranges ? (rows) => arranged(query, presentation, list(), rows) : list;
  if (isSsTable(presentation)) return showTable(world, query, presentation, ordered, options);
  const { showMachine } = await import("./machine-formats.ts");
  await showMachine(world, query, presentation, ordered, options);
}

/** Columns of ss's table that this run leaves out. */
export function hiddenColumns(
  { shown, queues }: Presentation,
  { selection }: Pick<OpenQuery, "selection">,
): Set<TableColumn> {
  const hidden = new Set<TableColumn>();
  if (!shown.has("netns")) hidden.add("netns");
  if (netidHidden(selection)) hidden.add("netid");
  if (stateHidden(selection)) hidden.add("state");
  if (!queues) hidden.add("recvQueue").add("sendQueue");
  if (!shown.has("owners")) hidden.add("process");
  if (!shown.has("peers")) hidden.add("peerProcess");
  if (!shown.has("containers")) hidden.add("container");
  return hidden;
}

/** Width of the terminal, or else COLUMNS; undefined for the layout that ss uses on a pipe. */
export function screenWidth({ stdout, env }: World): number | undefined {
  if (stdout.terminalColumns) return stdout.terminalColumns;
  // atoi(3) keeps 32 bits. Rows are laid out as wide as the screen, so its width is bounded as that of a terminal is.
  const columns = Number.parseInt(env["COLUMNS"] ?? "", 10) | 0;
  return columns > 0 ? Math.min(columns, U16_MAX) : undefined;
}

/** What writes rows straight from messages, if the table allows that. */
async function rowSink(
  { observeRows = (rows) => rows }: World,
  families: Families,
  table: Table,
  style: Style,
  names: Names,
): Promise<RowSink | undefined> {
  const writeRow = (socket: InetSocket) => families.inet!.writeRow(table, socket, style, names);
  const inetRows = await directInetRows(table, style, names, writeRow);
  const unixRows = families.unix?.direct?.(table, style, names);
  if (inetRows === undefined && unixRows === undefined) return undefined;
  return observeRows({
    begin: (dump, netns) => (dump === "unix" ? unixRows?.(dump, netns) : inetRows?.(dump, netns)),
    everyNamespace: true,
  });
}

async function showTable(
  world: World,
  query: OpenQuery,
  presentation: Presentation,
  list: SocketSource,
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
  const useTable = tableChooser(names, following, query.selection);
  for await (const batch of list(
    following || explains ? undefined : await rowSink(world, families, table, style, names),
  )) {
    useTable(batch);
    if (batch.sockets.length === 0) continue;
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
