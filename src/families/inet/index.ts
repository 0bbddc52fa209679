/** The sockets of IP: TCP, UDP, raw, DCCP, SCTP, MPTCP. */
import type { Family } from "../family.ts";
import { hideAttributes } from "./hide-attributes.ts";
import { writeInetRow } from "./row.ts";
import { InetSocket } from "./socket.ts";
import { inetSubject } from "./subject.ts";

/** The sockets of IP: TCP, UDP, raw, DCCP, SCTP, MPTCP. Short listings do without: see `direct.ts`. */
export const inet: Family<InetSocket> = {
  View: InetSocket,
  writeRow: writeInetRow,
  subject: inetSubject,
  hideAttributes,
};
