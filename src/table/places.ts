/** Writes the columns that ss does not have: network namespace, processes at the other end, container. */

import type { AnySocket as Socket } from "../diag/message.ts";
import { containerLabel } from "../enrich/containers.ts";
import { type Netns, netnsLabel } from "../host/namespaces.ts";
import { writeOwnerList, writeOwners } from "./process.ts";
import { foreignBytes, type Names, putForeign, type Style } from "./style.ts";
import type { Table } from "./table.ts";

const encoder = new TextEncoder();
const noLabel = new Uint8Array(0);

/** Cache of namespace labels as bytes. There are few, and each is in many rows. */
const labels = new WeakMap<Netns, Uint8Array>();

function labelOf(netns: Netns): Uint8Array {
  let label = labels.get(netns);
  if (label === undefined) {
    label = encoder.encode(netnsLabel(netns));
    labels.set(netns, label);
  }
  return label;
}

/** The cell of a network namespace; empty for our own. */
export function netnsCell(netns: Netns | undefined, style: Style): Uint8Array {
  return netns === undefined ? noLabel : foreignBytes(labelOf(netns), style);
}

/** Starts a socket's row, with the network namespace in the first cell if that column is shown. */
export function startRow(table: Table, { origin }: Socket, style: Style): void {
  table.beginRow();
  if (!table.shows.netns) return;
  const cell = netnsCell(origin.netns, style);
  table.text.copy(cell, 0, cell.length);
  table.close();
}

/** Whether a column that ss does not have is shown between the process and the details. */
export function showsPlaces({ shows }: Table): boolean {
  return shows.peerProcess || shows.container;
}

/** Writes and closes the visible cells between process and details. */
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

/** Writes and closes the visible cells from the process to the details. */
export function writeProcessCells(table: Table, socket: Socket, style: Style, names: Names): void {
  if (table.shows.process) {
    writeOwners(table.text, socket.inode ?? 0, style, names);
    table.close();
  }
  writePlaceCells(table, socket, style, names);
}
