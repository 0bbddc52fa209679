/** The sockets of IP: TCP, UDP, raw, DCCP, SCTP, MPTCP. */
import type { Family } from "../family.ts";
import { directInetRows } from "./direct.ts";
import { writeInetRow } from "./row.ts";
import type { InetSocket } from "./socket.ts";
import { inetSubject } from "./subject.ts";

/** The sockets of IP: TCP, UDP, raw, DCCP, SCTP, MPTCP. */
export const inet: Family<InetSocket> = {
  writeRow: writeInetRow,
  direct: directInetRows,
  subject: inetSubject,
};
