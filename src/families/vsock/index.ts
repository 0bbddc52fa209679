/** vsock sockets. */
import type { Family } from "../family.ts";
import { writeVsockRow } from "./row.ts";
import { type VsockSocket, vsockDump } from "./socket.ts";

/** vsock sockets. */
export const vsock: Family<VsockSocket> = { dump: vsockDump, writeRow: writeVsockRow };
