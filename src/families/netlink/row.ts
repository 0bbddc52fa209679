/** Writes netlink sockets as rows of ss's table. */
import { ascii, type ByteWriter } from "../../bytes/writer.ts";
import { nameForSs } from "../../enrich/processes.ts";
import { SS_CLOSE } from "../../model/state.ts";
import { beginRow, closeAnyEnd } from "../../table/lead.ts";
import { writeSkMemInfo } from "../../table/memory.ts";
import { showsPlaces, writeProcessCells } from "../../table/places.ts";
import { writeContext } from "../../table/process.ts";
import { type Names, putForeign, type Style } from "../../table/style.ts";
import type { Table } from "../../table/table.ts";
import { type NetlinkDiagSocket, NO_PORT_ID } from "./socket.ts";

const STAR = 0x2a;
const COLON = 0x3a;
const SLASH = 0x2f;
const TAB = 0x09;

const netid = ascii("nl");
const kernelLabel = ascii("kernel");
const contextLabel = ascii(" proc_ctx=");
const pointerLabel = ascii(" sk=");
const callbackLabel = ascii(" cb=");
const groupsLabel = ascii(" groups=0x");

function writeProtocol(text: ByteWriter, protocol: number, style: Style, names: Names): void {
  const name = style.numeric ? undefined : names.netlinkProtocol(protocol);
  if (name === undefined) text.unsigned(protocol);
  else putForeign(text, name, style);
}

/** Port ids are process ids by convention. If such a process exists, its name is shown. */
function writePortId(text: ByteWriter, portId: number, style: Style, names: Names): void {
  if (portId === NO_PORT_ID) {
    text.byte(STAR);
    return;
  }
  if (!style.numeric && portId === 0) {
    text.put(kernelLabel);
    return;
  }
  const stat = style.numeric || portId < 0 ? undefined : names.processStat(portId);
  const name = stat && nameForSs(stat);
  if (name !== undefined && name.length > 0) {
    putForeign(text, name, style);
    text.byte(SLASH);
  }
  text.signed32(portId);
}

function writeHex64(text: ByteWriter, value: bigint): void {
  text.hex64(Number(value & 0xffff_ffffn), Number(value >> 32n));
}

/** Writes the kernel addresses of the socket and its dump, which only /proc has. */
function writeDetails(
  text: ByteWriter,
  socket: NetlinkDiagSocket,
  style: Style,
  names: Names,
  inProcessCell: boolean,
): void {
  if (style.processContext) writeContext(text, contextLabel, names.processContext(socket.portId), style);
  if (style.extended) {
    const { procfs } = socket;
    text.put(pointerLabel);
    writeHex64(text, procfs?.pointer ?? 0n);
    text.put(callbackLabel);
    writeHex64(text, procfs?.callback ?? 0n);
    text.put(groupsLabel);
    text.hex(socket.groupMask ?? 0, 8);
  }
  if (style.memory && socket.procfs === undefined) {
    const { memory } = socket;
    if (inProcessCell) text.byte(TAB);
    if (memory !== undefined) writeSkMemInfo(text, memory);
  }
}

/** Writes the row of a netlink socket. */
export function writeNetlinkRow(table: Table, socket: NetlinkDiagSocket, style: Style, names: Names): void {
  const { text, shows } = table;
  beginRow(table, socket, style, netid, SS_CLOSE, socket.rqueue ?? 0, socket.wqueue ?? 0);
  writeProtocol(text, socket.protocol, style, names);
  text.byte(COLON);
  table.close();
  writePortId(text, socket.portId, style, names);
  table.close();
  if (socket.connected) {
    text.signed32(socket.destinationGroup);
    text.byte(COLON);
    table.close();
    text.signed32(socket.destinationPortId);
    table.close();
  } else closeAnyEnd(table);
  // As in ss, the details are part of the process cell, and the row ends there. If that cell is hidden, ss drops the
  // details; we write them like those of other sockets. We do the same if columns follow that ss does not have.
  const inProcessCell = shows.process && !showsPlaces(table);
  if (!inProcessCell) writeProcessCells(table, socket, style, names);
  writeDetails(text, socket, style, names, inProcessCell);
  if (inProcessCell) table.closeShort();
  else table.close();
}
