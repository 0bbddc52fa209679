/** Who has which socket open, from sample to sample. */
import type { ByteSink, ByteSource } from "./numbers.ts";

/** A descriptor of a socket. */
export interface StoredOwner {
  /** Row of the table `process`. */
  readonly process: number;
  readonly fd: number;
}

/** The owners of each socket by inode. */
export type StoredOwners = ReadonlyMap<number, readonly StoredOwner[]>;

/** The owners of sockets for a sample. */
export interface SampleOwners {
  readonly all: StoredOwners;
  /** The changes since the sample before; an empty list for a socket that is gone. */
  readonly changed: StoredOwners;
}

/** Most owners of one socket, and most sockets, that a file may claim. */
const OWNERS_LIMIT = 1 << 20;
const INODES_LIMIT = 2 ** 32;

/** Whether two lists of owners are the same. */
export function sameOwners(one: readonly StoredOwner[], other: readonly StoredOwner[] | undefined): boolean {
  return (
    one.length === other?.length &&
    one.every(({ process, fd }, index) => process === other[index]!.process && fd === other[index]!.fd)
  );
}

/** Writes the owners of sockets, all or those that changed; an empty list is a socket that lost them. */
export function encodeOwners(sink: ByteSink, owners: StoredOwners): void {
  const inodes = Float64Array.from(owners.keys()).sort();
  sink.rising(inodes);
  for (const inode of inodes) sink.unsigned(owners.get(inode)!.length);
  for (const inode of inodes) for (const { process } of owners.get(inode)!) sink.unsigned(process);
  for (const inode of inodes) for (const { fd } of owners.get(inode)!) sink.unsigned(fd);
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
  const processes = Array.from(counts, (count) => {
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
