/** Finds rows of a table by a hash of them: open addressing in one typed array, as a Map takes ten times the memory. */

const EMPTY = -1;
const LEAST_LENGTH = 16;

/** Spreads a hash over all bits: the lower ones choose the place. */
function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return half ^ (half >>> 13);
}

/**
 * The rows of a table by a hash that the table computes of each. To find a row, walk from {@link first} by {@link next}
 * until {@link at} gives a row that is the right one, or -1.
 */
export class SlotIndex {
  readonly #hashOf: (row: number) => number;
  #rows = new Int32Array(LEAST_LENGTH).fill(EMPTY);
  #count = 0;

  /** @param hashOf the hash of a row, 32 bits: the same for as long as the row is in the index */
  constructor(hashOf: (row: number) => number) {
    this.#hashOf = hashOf;
  }

  /** Where rows with a hash begin. */
  first(hash: number): number {
    return mixed(hash) & (this.#rows.length - 1);
  }

  /** The place after one that held another row. */
  next(place: number): number {
    return (place + 1) & (this.#rows.length - 1);
  }

  /** The row in a place; -1 where the walk ends. */
  at(place: number): number {
    return this.#rows[place]!;
  }

  /** Adds a row. */
  add(row: number): void {
    if ((this.#count + 1) * 2 > this.#rows.length) this.#grow();
    this.#put(row);
    this.#count++;
  }

  /** Removes a row, if it is there. */
  remove(row: number): void {
    const rows = this.#rows;
    let hole = this.first(this.#hashOf(row));
    while (rows[hole] !== row) {
      if (rows[hole] === EMPTY) return;
      hole = this.next(hole);
    }
    this.#count--;
    // Rows behind it move up, so that no walk to them ends at the hole.
    for (let place = this.next(hole); rows[place] !== EMPTY; place = this.next(place)) {
      const home = this.first(this.#hashOf(rows[place]!));
      const mask = rows.length - 1;
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      rows[hole] = rows[place]!;
      hole = place;
    }
    rows[hole] = EMPTY;
  }

  /** Removes all rows. */
  clear(): void {
    this.#rows = new Int32Array(LEAST_LENGTH).fill(EMPTY);
    this.#count = 0;
  }

  #put(row: number): void {
    let place = this.first(this.#hashOf(row));
    while (this.#rows[place] !== EMPTY) place = this.next(place);
    this.#rows[place] = row;
  }

  #grow(): void {
    const before = this.#rows;
    this.#rows = new Int32Array(before.length * 2).fill(EMPTY);
    for (const row of before) if (row !== EMPTY) this.#put(row);
  }
}
