/** VsockSockets as filters read them. */
import { AF_VSOCK } from "../../model/family.ts";
import { filterSubject } from "../filter-subject.ts";
import { VMADDR_ANY, type VsockSocket } from "./socket.ts";

/** A vsock port; -1 if the socket is not bound, as with netlink. */
function boundPort(port: number): number {
  return port === VMADDR_ANY ? -1 : port;
}

/** Points the subject at a socket. */
export const vsockSubject = filterSubject<VsockSocket>({
  family: () => AF_VSOCK,
  sourceWord: ({ sourceCid }) => sourceCid,
  destinationWord: ({ destinationCid }) => destinationCid,
  sport: ({ sport }) => boundPort(sport),
  dport: ({ dport }) => boundPort(dport),
});
