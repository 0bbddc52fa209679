/** Showing sockets: as ss's table, as JSON, or as rows of chosen columns. */
import { describers } from "../catalogue/describe.ts";
import type { InetSocket } from "../families/inet/socket.ts";
import type { Socket } from "../families/socket.ts";
import type { NameSource } from "../fields/names.ts";
import type { HostNames } from "../lookup/names.ts";
import type { InetTable } from "../model/inet-tables.ts";
import type { Selection } from "../model/selection.ts";
import { JsonWriter } from "../output/json.ts";
import { writeRow } from "../output/row.ts";
import type { SocketBatch } from "../query/list.ts";
import type { Style } from "../table/style.ts";
import { Table, type TableColumn } from "../table/table.ts";
import type { Draft } from "./options.ts";
import { showRows } from "./rows.ts";
import { netidHidden, stateHidden } from "./select.ts";
import type { Explainer, View } from "./view.ts";
import type { World } from "./world.ts";

/** How sockets are shown beyond what options say. */
export interface ShowOptions {
  /** The columns that were chosen, and what they need. */
  readonly view: View;
  /** Each socket is handed on at once, as those that come later may take long. */
  readonly following?: boolean;
}

/** Shows all sockets in the format that was asked for. */
export function show(
  world: World,
  draft: Draft,
  selection: Selection,
  names: HostNames,
  batches: Iterable<SocketBatch>,
  options: ShowOptions,
): void {
  const { view, following = false } = options;
  if (draft.format === "csv" || view.columns !== undefined || view.by !== undefined) {
    const source = nameSource(view.needs, names, view.explainer);
    showRows(world, draft, view, selection, { names, source, batches, following });
  } else if (draft.format === "table") showTable(world, draft, selection, names, batches, options);
  else showJson(world, draft.format, names, batches, options);
}

/** The columns that ss leaves out. */
function hiddenColumns(draft: Draft, selection: Selection): Set<TableColumn> {
  const hidden: [TableColumn, boolean][] = [
    ["netns", !draft.allNetns],
    ["netid", netidHidden(selection)],
    ["state", stateHidden(selection)],
    ["recvQueue", !draft.queues],
    ["sendQueue", !draft.queues],
    ["process", !draft.processes],
    ["peerProcess", !draft.peer],
    ["container", !draft.container],
  ];
  return new Set(hidden.flatMap(([column, isHidden]) => (isHidden ? column : [])));
}

/** The screen's width: that of the terminal, else COLUMNS; undefined for the layout of a pipe. */
function screenWidth({ stdout, env }: World): number | undefined {
  if (stdout.terminalColumns) return stdout.terminalColumns;
  const columns = Number.parseInt(env["COLUMNS"] ?? "", 10);
  return columns > 0 ? columns : undefined;
}

/** The names that columns have, as far as the options want them. */
export function nameSource(draft: Draft, names: HostNames, explainer?: Explainer): NameSource {
  return {
    service: (port) => (draft.numeric || port === 0 ? undefined : names.port(port)),
    interface: (index, netns) => names.interface(index, netns),
    netlinkProtocol: (protocol) => (draft.numeric ? undefined : names.netlinkProtocol(protocol)),
    processStat: (pid) => (draft.numeric ? undefined : names.processStat(pid)),
    processContext: (pid) => (draft.processContext ? names.processContext(pid) : undefined),
    bpfValue: (mapId, value) =>
      draft.bpfMaps || draft.bpfMapIds.includes(mapId)
        ? (names.bpfMaps?.describe(mapId, value) ?? {})
        : undefined,
    cgroup: (id) => (draft.cgroup || draft.extended ? names.cgroup(id) : undefined),
    host: (data, at, length) => names.host(data, at, length),
    owners: (inode) => (draft.processes ? (names.owners(inode) ?? []) : undefined),
    details: (owner) => names.details(owner),
    peerOwners: (socket: Socket) => (draft.processes ? names.peerOwners(socket) : undefined),
    peerName: (socket) => names.peerName(socket),
    cgroupOwner: (socket: Socket) => (draft.container ? names.cgroupOwner(socket) : undefined),
    user: (uid) => names.user(uid),
    explanation: (socket: InetSocket) => explainer?.explanationOf(socket),
  };
}

function showTable(
  world: World,
  draft: Draft,
  selection: Selection,
  names: HostNames,
  batches: Iterable<SocketBatch>,
  { view: { explainer }, following }: ShowOptions,
): void {
  const screen = screenWidth(world);
  const table = new Table({
    hidden: hiddenColumns(draft, selection),
    header: draft.header,
    screen,
    write: (bytes) => world.stdout.write(bytes),
  });
  const style: Style = { ...draft, escape: world.stdout.terminalColumns !== undefined };
  for (const { dump, sockets } of batches) {
    // Of events ss takes the service names of any protocol.
    if (!following) names.useTable(dump as InetTable, sockets[0]?.origin.netns);
    for (const socket of sockets) {
      writeRow(table, socket, style, names);
      if (draft.explain && socket.kind === "inet")
        table.note(explainer!.explanationText(socket, { screen, oneline: draft.oneline }));
    }
    if (following) table.flush();
  }
  if (!following) table.flush();
}

function showJson(
  world: World,
  format: "json" | "ndjson",
  names: HostNames,
  batches: Iterable<SocketBatch>,
  { view, following }: ShowOptions,
): void {
  const describe = describers(nameSource(view.needs, names, view.explainer));
  const json = new JsonWriter(format, (bytes) => world.stdout.write(bytes));
  for (const { dump, sockets } of batches) {
    // Of events ss takes the service names of any protocol.
    if (!following) names.useTable(dump as InetTable, sockets[0]?.origin.netns);
    for (const socket of sockets) json.write(describe(socket));
    if (following) json.flush();
  }
  json.end();
}
