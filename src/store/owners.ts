/** Who has which socket open, from sample to sample. */
import { ByteSink, type ByteSource } from "./numbers.ts";

/** A descriptor of a socket. */
export interface StoredOwner {
  /** Row of the table `process`. */
  readonly process: number;
  readonly fd: number;
}

/** The owners of each socket by inode. */
export type StoredOwners = ReadonlyMap<number, readonly StoredOwner[]>;

/** Most owners of one socket, and most sockets, that a file may claim. */
const OWNERS_LIMIT = 1 << 20;
const INODES_LIMIT = 2 ** 32;

function sameOwners(one: readonly StoredOwner[], other: readonly StoredOwner[] | undefined): boolean {
  return (
    one.length === other?.length &&
    one.every(({ process, fd }, index) => process === other[index]!.process && fd === other[index]!.fd)
  );
}

/** Writes the owners of all sockets as their difference to earlier ones; an empty list is a socket that lost them. */
export function encodeOwners(sink: ByteSink, previous: StoredOwners | undefined, next: StoredOwners): void {
  const changes = new Map<number, readonly StoredOwner[]>();
  for (const [inode, owners] of next)
    if (!sameOwners(owners, previous?.get(inode))) changes.set(inode, owners);
  for (const inode of previous?.keys() ?? []) if (!next.has(inode)) changes.set(inode, []);
  const inodes = Float64Array.from(changes.keys()).sort();
  sink.rising(inodes);
  for (const inode of inodes) sink.unsigned(changes.get(inode)!.length);
  for (const inode of inodes) for (const { process } of changes.get(inode)!) sink.unsigned(process);
  for (const inode of inodes) for (const { fd } of changes.get(inode)!) sink.unsigned(fd);
}

/**
 * Reads what {@link encodeOwners} wrote.
 *
 * @param owners those of the sample before, which are changed; empty for the first sample
 * @throws StoreError
 */
export function decodeOwners(
  source: ByteSource,
  owners = new Map<number, readonly StoredOwner[]>(),
): Map<number, readonly StoredOwner[]> {
  const inodes = source.rising(INODES_LIMIT);
  const counts = inodes.map(() => source.atMost(OWNERS_LIMIT));
  const processes = counts.map((count) => {
    const list: number[] = [];
    for (let index = 0; index < count; index++) list.push(source.unsigned());
    return list;
  });
  for (const [index, inode] of inodes.entries()) {
    const list = processes[index]!.map((process) => ({ process, fd: source.unsigned() }));
    if (list.length === 0) owners.delete(inode);
    else owners.set(inode, list);
  }
  return owners;
}

/** Bytes of a sink that an encoder fills. */
export function encoded(encode: (sink: ByteSink) => void): Uint8Array {
  const sink = new ByteSink();
  encode(sink);
  return sink.bytes;
}
