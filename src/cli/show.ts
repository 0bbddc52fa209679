/** Showing sockets: as ss's table, as JSON, or as rows of chosen columns. */
import { describers } from "../columns/describe.ts";
import type { NameSource } from "../columns/names.ts";
import type { InetTable } from "../diag/families.ts";
import type { HostNames } from "../enrich/names.ts";
import { U16_MAX } from "../filter/numbers.ts";
import { requestOrder } from "../model/request-order.ts";
import type { Selection } from "../model/selection.ts";
import type { SocketBatch } from "../query.ts";
import { JsonWriter } from "../render/json.ts";
import { writeRow } from "../render/ss/row.ts";
import type { Style } from "../render/ss/style.ts";
import { Table, type TableColumn } from "../render/ss/table.ts";
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

/** The width of the screen: that of the terminal, else COLUMNS; undefined for the layout of a pipe. */
function screenWidth({ stdout, env }: World): number | undefined {
  if (stdout.terminalColumns) return stdout.terminalColumns;
  // atoi(3) keeps 32 bits. Rows are laid out as wide as the screen, so its width is bounded as that of a terminal is.
  const columns = Number.parseInt(env["COLUMNS"] ?? "", 10) | 0;
  return columns > 0 ? Math.min(columns, U16_MAX) : undefined;
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
    peerOwners: (socket) => (draft.processes ? names.peerOwners(socket) : undefined),
    peerName: (socket) => names.peerName(socket),
    cgroupOwner: (socket) => (draft.container ? names.cgroupOwner(socket) : undefined),
    user: (uid) => names.user(uid),
    explanation: (socket) => explainer?.explanationOf(socket),
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
  const order = requestOrder(selection).map(({ name }) => name);
  for (const { dump, sockets } of batches) {
    // ss names ports by the last table that it asked for and that has services, even if that has no rows. For events it
    // takes the names of any protocol.
    if (!following) {
      const asked = order.slice(0, order.indexOf(dump) + 1);
      const named = asked.findLast((name) => name === "raw" || name === "udp" || name === "tcp");
      names.useTable((named ?? dump) as InetTable, sockets[0]?.origin.netns);
    }
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
