/** The processes that have sockets open, by inode: typed arrays, as there may be a million descriptors. */
import { keepOutOfLastTier } from "#libc";

/** A process or thread that has a socket open. */
export interface Owner {
  readonly pid: number;
  /** Thread id; that of a process's first thread is its pid. */
  readonly tid: number;
  readonly fd: number;
  /** Its /proc/PID/stat, which has its name; empty if it is gone. */
  readonly stat: Uint8Array;
  /** Its SELinux context, if wanted and readable. */
  readonly processContext: Uint8Array | undefined;
  /** The SELinux context of the socket itself, likewise. */
  readonly socketContext: Uint8Array | undefined;
}

/** What a process or thread shows, read at the first use. */
export interface Holder extends Pick<Owner, "pid" | "tid" | "stat" | "processContext"> {
  /** The context of one of its sockets. */
  socketContext(fd: number): Uint8Array | undefined;
}

/** Numbers of an entry: its holder, the descriptor, the inode, the entry before it of the same inode or -1. */
const entry = { holder: 0, fd: 1, inode: 2, before: 3, size: 4 } as const;

const FIRST_ROOM = 1 << 10;
/** Spreads inodes over the index: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1;
/** Lists of owners that are remembered. */
const LISTS = 1 << 16;

/** Owners of sockets by inode. Of several owners, the last one found comes first, as in ss. */
export class OwnerTable {
  readonly #holders: Holder[] = [];
  #entries = new Int32Array(FIRST_ROOM * entry.size);
  #count = 0;
  /** How many inodes there are. */
  #inodes = 0;
  /** The last entry of an inode plus 1, at a place that the inode gives. Length: a power of 2. */
  #index = new Int32Array(2 * FIRST_ROOM);
  /** Owners as objects, so that a list stays the same one while it is used. */
  readonly #lists = new Map<number, readonly Owner[]>();

  /** How many sockets have owners. */
  get size(): number {
    return this.#inodes;
  }

  /** Adds a process or thread. @returns its number, for {@link OwnerTable.add} */
  addHolder(holder: Holder): number {
    return this.#holders.push(holder) - 1;
  }

  /** Adds a descriptor of a holder. */
  add(holder: number, fd: number, inode: number): void {
    if (this.#count * entry.size === this.#entries.length) this.#grow();
    const entries = this.#entries;
    const place = this.#place(inode | 0);
    const before = this.#index[place]! - 1;
    if (before < 0) this.#inodes++;
    const at = this.#count * entry.size;
    entries[at + entry.holder] = holder;
    entries[at + entry.fd] = fd;
    entries[at + entry.inode] = inode;
    entries[at + entry.before] = before;
    this.#index[place] = ++this.#count;
  }

  /** Where the index has an inode, or would have it. @param inode signed */
  #place(inode: number): number {
    const index = this.#index;
    const entries = this.#entries;
    const mask = index.length - 1;
    let place = (Math.imul(inode, SPREAD) >>> 7) & mask;
    for (;;) {
      const found = index[place]!;
      if (found === 0 || entries[(found - 1) * entry.size + entry.inode] === inode) return place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const grown = new Int32Array(2 * this.#entries.length);
    grown.set(this.#entries);
    this.#entries = grown;
    this.#index = new Int32Array(2 * this.#index.length);
    for (let each = 0; each < this.#count; each++)
      this.#index[this.#place(grown[each * entry.size + entry.inode]!)] = each + 1;
  }

  /** The entry of the first owner of a socket; -1 if it has none. */
  first(inode: number): number {
    return this.#index[this.#place(inode | 0)]! - 1;
  }

  /** The entry of the owner that follows another entry of the same socket; -1 if it was the last one. */
  next(each: number): number {
    return this.#entries[each * entry.size + entry.before]!;
  }

  /** The number of the holder of an entry. */
  holderOf(each: number): number {
    return this.#entries[each * entry.size + entry.holder]!;
  }

  /** The descriptor of an entry. */
  fdOf(each: number): number {
    return this.#entries[each * entry.size + entry.fd]!;
  }

  /** A process or thread by its number. */
  holder(number: number): Holder {
    return this.#holders[number]!;
  }

  /** Whether a socket has an owner. */
  has(inode: number): boolean {
    return this.first(inode) >= 0;
  }

  /** The owners of a socket. */
  get(inode: number): readonly Owner[] | undefined {
    let list = this.#lists.get(inode);
    if (list === undefined) {
      const first = this.first(inode);
      if (first < 0) return undefined;
      list = this.#listFrom(first);
      if (this.#lists.size >= LISTS) this.#lists.clear();
      this.#lists.set(inode, list);
    }
    return list;
  }

  #listFrom(first: number): Owner[] {
    const owners: Owner[] = [];
    for (let each = first; each >= 0; each = this.next(each)) {
      const holder = this.#holders[this.holderOf(each)]!;
      const { pid, tid, stat, processContext } = holder;
      const fd = this.fdOf(each);
      owners.push({ pid, tid, fd, stat, processContext, socketContext: holder.socketContext(fd) });
    }
    return owners;
  }

  /** The inodes that have owners, in the order in which they were found. */
  *inodes(): Generator<number> {
    const entries = this.#entries;
    for (let at = 0; at < this.#count * entry.size; at += entry.size)
      if (entries[at + entry.before]! < 0) yield entries[at + entry.inode]! >>> 0;
  }

  /** The sockets with their owners, in the order in which they were found. */
  *[Symbol.iterator](): Generator<[inode: number, owners: readonly Owner[]]> {
    for (const inode of this.inodes()) yield [inode, this.get(inode)!];
  }
}

const { prototype } = OwnerTable;
keepOutOfLastTier(prototype.add, prototype.first, prototype.next, prototype.holderOf, prototype.fdOf);
