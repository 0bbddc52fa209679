/** NetlinkDiagSockets as filters read them. */
import { AF_NETLINK } from "../../model/family.ts";
import { filterSubject } from "../filter-subject.ts";
import { type NetlinkDiagSocket, NO_PORT_ID } from "./socket.ts";

/** Points the subject at a socket. */
export const netlinkSubject = filterSubject<NetlinkDiagSocket>({
  family: () => AF_NETLINK,
  sourceWord: ({ protocol }) => protocol,
  sport: ({ portId }) => portId,
  dport: () => NO_PORT_ID,
});
