/** Finds the heaviest of any number of keys in bounded memory. Misra and Gries 1982, "Finding repeated elements". */

/** A key that has no series of its own, with the weight that it has at least. */
export interface Candidate {
  readonly key: string;
  readonly labels: readonly string[];
  /** A lower bound: no more than what was added. */
  weight: number;
}

/**
 * Keys by weight. It remembers up to twice its capacity, then lowers all weights until half of the keys are gone. So a
 * key is short of at most the total weight divided by the capacity.
 */
export class Candidates {
  readonly #capacity: number;
  readonly #known = new Map<string, Candidate>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** Adds weight to a key. @param labels label values of the key */
  add(key: string, labels: readonly string[], weight: number): void {
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.weight += weight;
      return;
    }
    this.#known.set(key, { key, labels, weight });
    if (this.#known.size >= this.#capacity * 2) this.#halve();
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#known.delete(key);
  }

  /** The heaviest key. */
  best(): Candidate | undefined {
    let best: Candidate | undefined;
    for (const each of this.#known.values()) if (best === undefined || each.weight > best.weight) best = each;
    return best;
  }

  /** Multiplies all weights, so that the past counts less. Keys below a weight of 1 are forgotten. */
  scale(factor: number): void {
    for (const each of this.#known.values()) {
      each.weight *= factor;
      if (each.weight < 1) this.#known.delete(each.key);
    }
  }

  /** Lowers all weights by that of the key in the middle, and forgets the keys without weight. */
  #halve(): void {
    const weights = Float64Array.from(this.#known.values(), ({ weight }) => weight).sort();
    const middle = weights[weights.length - this.#capacity]!;
    for (const each of this.#known.values()) {
      each.weight -= middle;
      if (each.weight <= 0) this.#known.delete(each.key);
    }
  }
}
