/** TIPC sockets. */
import type { Family } from "../family.ts";
import { writeTipcRow } from "./row.ts";
import { type TipcSocket, tipcDump } from "./socket.ts";
import { tipcSubject } from "./subject.ts";

/** TIPC sockets. */
export const tipc: Family<TipcSocket> = { dump: tipcDump, writeRow: writeTipcRow, subject: tipcSubject };
