/** Netlink sockets. */
import type { Family } from "../family.ts";
import { writeNetlinkRow } from "./row.ts";
import { type NetlinkDiagSocket, netlinkDump } from "./socket.ts";
import { netlinkSubject } from "./subject.ts";

/** Netlink sockets. */
export const netlink: Family<NetlinkDiagSocket> = {
  dump: netlinkDump,
  writeRow: writeNetlinkRow,
  subject: netlinkSubject,
};
