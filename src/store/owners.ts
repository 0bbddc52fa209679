/** Who has which socket open, from sample to sample. */
import type { ByteSink, ByteSource } from "./numbers.ts";

/** A descriptor of a socket. */
export interface StoredOwner {
  /** Row of the table `process`. */
  readonly process: number;
  readonly fd: number;
}

/** The owners of each socket by inode. */
export interface StoredOwners extends Iterable<[number, readonly StoredOwner[]]> {
  readonly size: number;
  has(inode: number): boolean;
  get(inode: number): readonly StoredOwner[] | undefined;
  keys(): Iterable<number>;
}

/** The owners of sockets for a sample. */
export interface SampleOwners {
  readonly all: StoredOwners;
  /** Inodes of the sockets whose owners are others than in the sample before. A socket that is not in `all` is gone. */
  readonly changed: ReadonlySet<number>;
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

const NO_OWNERS: readonly StoredOwner[] = [];

/**
 * Writes the owners of sockets.
 *
 * @param only inodes of the sockets whose owners are written, none for a socket that lost them; default: all
 */
export function encodeOwners(
  sink: ByteSink,
  owners: StoredOwners,
  only: Iterable<number> = owners.keys(),
): void {
  const inodes = Float64Array.from(only).sort();
  const ownersOf = (inode: number) => owners.get(inode) ?? NO_OWNERS;
  sink.rising(inodes);
  for (const inode of inodes) sink.unsigned(ownersOf(inode).length);
  for (const inode of inodes) for (const { process } of ownersOf(inode)) sink.unsigned(process);
  for (const inode of inodes) for (const { fd } of ownersOf(inode)) sink.unsigned(fd);
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
