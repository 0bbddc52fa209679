/** The socket tables of inet_diag. */
import {
  IPPROTO_DCCP,
  IPPROTO_MPTCP,
  IPPROTO_RAW,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./family.ts";

/** IP protocol of each inet table. */
export const inetTables = {
  raw: IPPROTO_RAW,
  udp: IPPROTO_UDP,
  tcp: IPPROTO_TCP,
  dccp: IPPROTO_DCCP,
  sctp: IPPROTO_SCTP,
  mptcp: IPPROTO_MPTCP,
} as const;

/** A table of inet_diag. */
export type InetTable = keyof typeof inetTables;

const tableOfProtocol = new Map<number, InetTable>();
for (const name in inetTables) tableOfProtocol.set(inetTables[name as InetTable], name as InetTable);

/** The inet table that lists an IP protocol; `unknown` for a protocol without a table. */
export function inetTableOf(protocol: number): InetTable | "unknown" {
  return tableOfProtocol.get(protocol) ?? "unknown";
}
