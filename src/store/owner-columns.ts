/**
 * The owners of many sockets in typed arrays. Most sockets have one: it takes twenty bytes here, and a hundred and forty
 * as a list of objects in a Map.
 */
import { SlotIndex } from "../bytes/slot-index.ts";
import { type StoredOwner, type StoredOwners, sameOwners } from "./owners.ts";

const LEAST_ROWS = 64;
const GROWTH = 1.5;

function grown<A extends Uint32Array | Int32Array>(from: A, length: number): A {
  const to = new (from.constructor as new (length: number) => A)(length);
  to.set(from);
  return to;
}

/** Owners by inode. */
export class OwnerColumns implements StoredOwners {
  #inodes = new Uint32Array(LEAST_ROWS);
  #processes = new Uint32Array(LEAST_ROWS);
  #fds = new Int32Array(LEAST_ROWS);
  #end = 0;
  readonly #free: number[] = [];
  readonly #byInode = new SlotIndex((row) => this.#inodes[row]!);
  /** Sockets with several owners. */
  readonly #shared = new Map<number, readonly StoredOwner[]>();
  #size = 0;

  get size(): number {
    return this.#size + this.#shared.size;
  }

  has(inode: number): boolean {
    return this.#row(inode) >= 0 || this.#shared.has(inode);
  }

  get(inode: number): readonly StoredOwner[] | undefined {
    const row = this.#row(inode);
    return row < 0 ? this.#shared.get(inode) : [{ process: this.#processes[row]!, fd: this.#fds[row]! }];
  }

  /** Sets the owners of a socket, at least one. @returns whether they are others than before */
  set(inode: number, owners: readonly StoredOwner[]): boolean {
    if (sameOwners(owners, this.get(inode))) return false;
    this.delete(inode);
    const [owner, ...others] = owners;
    if (owner === undefined) return true;
    if (others.length > 0) this.#shared.set(inode, owners);
    else this.#add(inode, owner.process, owner.fd);
    return true;
  }

  /** Adds an owner before those that a socket has. */
  addFirst(inode: number, process: number, fd: number): void {
    const known = this.get(inode);
    if (known === undefined) this.#add(inode, process, fd);
    else this.set(inode, [{ process, fd }, ...known]);
  }

  /** Whether a socket has the same owners in another table. */
  isSame(inode: number, other: OwnerColumns): boolean {
    const row = this.#row(inode);
    const otherRow = other.#row(inode);
    if (row < 0 || otherRow < 0) return sameOwners(this.get(inode) ?? [], other.get(inode) ?? []);
    return this.#processes[row] === other.#processes[otherRow] && this.#fds[row] === other.#fds[otherRow];
  }

  /** Forgets the owners of a socket. @returns whether it had any */
  delete(inode: number): boolean {
    const row = this.#row(inode);
    if (row < 0) return this.#shared.delete(inode);
    this.#byInode.remove(row);
    this.#inodes[row] = 0;
    this.#free.push(row);
    this.#size--;
    return true;
  }

  *keys(): Generator<number> {
    for (let row = 0; row < this.#end; row++) if (this.#inodes[row] !== 0) yield this.#inodes[row]!;
    yield* this.#shared.keys();
  }

  *[Symbol.iterator](): Generator<[number, readonly StoredOwner[]]> {
    for (const inode of this.keys()) yield [inode, this.get(inode)!];
  }

  #row(inode: number): number {
    const index = this.#byInode;
    for (let place = index.first(inode); ; place = index.next(place)) {
      const row = index.at(place);
      if (row < 0 || this.#inodes[row] === inode) return row;
    }
  }

  #add(inode: number, process: number, fd: number): void {
    const row = this.#free.pop() ?? this.#end++;
    if (row >= this.#inodes.length) {
      const length = Math.ceil(row * GROWTH);
      this.#inodes = grown(this.#inodes, length);
      this.#processes = grown(this.#processes, length);
      this.#fds = grown(this.#fds, length);
    }
    this.#inodes[row] = inode;
    this.#processes[row] = process;
    this.#fds[row] = fd;
    this.#byInode.add(row);
    this.#size++;
  }
}
