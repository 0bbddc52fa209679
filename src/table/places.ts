/** The columns that ss does not have: network namespace, the other end's processes, container. */

import type { AnySocket as Socket } from "../diag/message.ts";
import { containerLabel } from "../enrich/containers.ts";
import { type Netns, netnsLabel } from "../host/namespaces.ts";
import { writeOwnerList, writeOwners } from "./process.ts";
import { type Names, putForeign, type Style } from "./style.ts";
import type { Table } from "./table.ts";

const encoder = new TextEncoder();

/** The labels of namespaces as bytes: few, and each is in many rows. */
const labels = new WeakMap<Netns, Uint8Array>();

function labelOf(netns: Netns): Uint8Array {
  let label = labels.get(netns);
  if (label === undefined) {
    label = encoder.encode(netnsLabel(netns));
    labels.set(netns, label);
  }
  return label;
}

/** Starts the row of a socket: in its first cell stands the network namespace, if that is shown. */
export function startRow(table: Table, { origin }: Socket, style: Style): void {
  table.beginRow();
  if (!table.shows.netns) return;
  if (origin.netns !== undefined) putForeign(table.text, labelOf(origin.netns), style);
  table.close();
}

/** Whether any column stands between the process and the details, where ss has none. */
export function showsPlaces({ shows }: Table): boolean {
  return shows.peerProcess || shows.container;
}

/** Writes and closes the cells between process and details, as far as they are shown. */
export function writePlaceCells(table: Table, socket: Socket, style: Style, names: Names): void {
  const { text, shows } = table;
  if (shows.peerProcess) {
    const owners = names.peerOwners(socket);
    if (owners !== undefined) writeOwnerList(text, owners, style);
    table.close();
  }
  if (shows.container) {
    const container = names.cgroupOwner(socket)?.container;
    if (container !== undefined) putForeign(text, encoder.encode(containerLabel(container)), style);
    table.close();
  }
}

/** Writes and closes the cell of the socket's processes and those that follow it, as far as they are shown. */
export function writeProcessCells(table: Table, socket: Socket, style: Style, names: Names): void {
  if (table.shows.process) {
    writeOwners(table.text, socket.inode ?? 0, style, names);
    table.close();
  }
  writePlaceCells(table, socket, style, names);
}
