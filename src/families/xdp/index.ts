/** XDP sockets. */
import type { Family } from "../family.ts";
import { writeXdpRow } from "./row.ts";
import { type XdpSocket, xdpDump } from "./socket.ts";
import { xdpSubject } from "./subject.ts";

/** XDP sockets. */
export const xdp: Family<XdpSocket> = { dump: xdpDump, writeRow: writeXdpRow, subject: xdpSubject };
