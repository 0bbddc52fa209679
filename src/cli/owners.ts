/** Looking for the owners of the sockets of a run, and of those at their other ends. */

import { countProcesses } from "../enrich/processes.ts";
import type { Host } from "../host/host.ts";
import type { HostNames } from "../lookup/names.ts";
import type { SocketBatch } from "../query/list.ts";
import type { Draft } from "./options.ts";
import type { World } from "./world.ts";

/** The inodes of sockets, as far as they have one. */
export function inodesOf(batches: Iterable<SocketBatch>): Set<number> {
  const inodes = new Set<number>();
  for (const { sockets } of batches) for (const { inode } of sockets) if (inode) inodes.add(inode);
  return inodes;
}

/**
 * The inodes of the sockets at the other ends. UNIX sockets tell theirs, so that costs nothing; for TCP the kernel is
 * asked again, which `--peer` has to say.
 */
export function peerInodesOf(
  batches: readonly SocketBatch[],
  names: HostNames,
  { peer }: Draft,
): Set<number> {
  const inodes = new Set<number>();
  if (peer) names.findPeers(batches.flatMap(({ sockets }) => sockets));
  for (const { sockets } of batches)
    for (const socket of sockets) {
      const inode = names.peerInode(socket);
      if (inode !== 0) inodes.add(inode);
    }
  return inodes;
}

/** Whether a run tells who is at the other end: with `--peer`, and wherever that is told with all the rest. */
export function tellsPeers({ processes, peer, format }: Draft): boolean {
  return peer || (processes && format !== "table");
}

/** Says how many processes could not be looked at, where a person reads it. */
export function noteUnreadable(
  { program, stderr }: World,
  { files }: Host,
  root: string,
  pids: readonly number[],
): void {
  if (pids.length === 0 || stderr.terminalColumns === undefined) return;
  const count = countProcesses(files, root, pids);
  if (count === 0) return;
  const which = count === 1 ? "1 process" : `${count} processes`;
  const text = `${program}: the descriptors of ${which} may not be read: their sockets show no owner\n`;
  stderr.write(new TextEncoder().encode(text));
}
