/** vsock sockets. */
import type { Family } from "../family.ts";
import { writeVsockRow } from "./row.ts";
import { type VsockSocket, vsockDump } from "./socket.ts";
import { vsockSubject } from "./subject.ts";

/** vsock sockets. */
export const vsock: Family<VsockSocket> = { dump: vsockDump, writeRow: writeVsockRow, subject: vsockSubject };
