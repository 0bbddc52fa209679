/** InetSockets as filters read them. */
import { filterSubject } from "../filter-subject.ts";
import type { InetSocket } from "./socket.ts";

/** Points the subject at a socket. */
export const inetSubject = filterSubject<InetSocket>({
  family: ({ familyNumber }) => familyNumber,
  addresses: ({ data }) => data,
  sourceOffset: ({ sourceOffset }) => sourceOffset,
  destinationOffset: ({ destinationOffset }) => destinationOffset,
  sport: ({ sport }) => sport,
  dport: ({ dport }) => dport,
  interfaceIndex: ({ interfaceIndex }) => interfaceIndex,
  mark: ({ mark }) => mark ?? 0,
  cgroupId: ({ cgroupId }) => cgroupId ?? 0n,
});
