/** Writes the first cells of a row, which all families share: netid, state, queues. */
import { ascii } from "../bytes/writer.ts";
import type { AnySocket as Socket } from "../diag/message.ts";
import { writeQueue, writeState } from "./cells.ts";
import { startRow } from "./places.ts";
import type { Style } from "./style.ts";
import type { Table } from "./table.ts";

const STAR = 0x2a;

/** The netid of an unknown socket type. */
export const unknownNetid = ascii("???");

/** Starts a row and fills the visible cells before the addresses. */
export function beginRow(
  table: Table,
  socket: Socket,
  style: Style,
  netid: Uint8Array,
  stateNumber: number,
  rqueue: number,
  wqueue: number,
): void {
  const { text, shows } = table;
  startRow(table, socket, style);
  if (shows.netid) {
    text.put(netid);
    table.close();
  }
  if (shows.state) {
    writeState(text, stateNumber);
    table.close();
  }
  if (shows.recvQueue) {
    writeQueue(text, rqueue);
    table.close();
  }
  if (shows.sendQueue) {
    writeQueue(text, wqueue);
    table.close();
  }
}

/** Fills the address and port cells of an end that is any address (`*`). */
export function closeAnyEnd(table: Table): void {
  table.text.byte(STAR);
  table.close();
  table.close();
}
