/** UnixSockets as filters read them. */
import { AF_UNIX } from "../../model/family.ts";
import { filterSubject, noBytes } from "../filter-subject.ts";
import type { UnixSocket } from "./socket.ts";

/** The name of a unix socket. A path ends at its first NUL. */
function unixName({ name }: UnixSocket): Uint8Array {
  if (name === undefined) return noBytes;
  const end = name[0] === 0 ? -1 : name.indexOf(0);
  return end < 0 ? name : name.subarray(0, end);
}

/** Points the subject at a socket. */
export const unixSubject = filterSubject<UnixSocket>({
  family: () => AF_UNIX,
  // ss compares inodes as signed numbers, so inodes above 2^31 are negative.
  sport: ({ inode }) => inode | 0,
  dport: ({ peerInode }) => (peerInode ?? 0) | 0,
  sourceName: unixName,
  named: ({ name }) => name !== undefined,
  destinationName: ({ procfs }) => procfs?.peerName ?? noBytes,
});
