/** The values that many rows are sorted by, by column: numbers, and texts once each. */
import type { Json } from "../model/json.ts";
import { collate, compareValues, known } from "./order.ts";
import { plainKeys } from "./plain-text.ts";

const FIRST_ROOM = 1 << 10;
/** From this many texts on, keys are worth making. */
const MANY_TEXTS = 100;

/** The values of one column. */
class SortColumn {
  readonly #descending: boolean;
  /** The numbers, NaN for absent ones; or the index of each value among the different ones, NaN likewise. */
  #numbers = new Float64Array(FIRST_ROOM);
  #count = 0;
  /** The different values, as soon as one of them is not a number. */
  #values: Json[] | undefined;
  readonly #indexes = new Map<Json, number>();

  constructor(descending: boolean) {
    this.#descending = descending;
  }

  add(given: Json | undefined): void {
    const value = known(given);
    if (this.#count === this.#numbers.length) {
      const grown = new Float64Array(2 * this.#count);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    if (value === undefined) this.#numbers[this.#count] = Number.NaN;
    else if (typeof value === "number" && this.#values === undefined) this.#numbers[this.#count] = value;
    else this.#numbers[this.#count] = this.#indexOf(value);
    this.#count++;
  }

  /** The index of a value among the different ones. */
  #indexOf(value: Json): number {
    if (this.#values === undefined) {
      this.#values = [];
      for (let row = 0; row < this.#count; row++) {
        const number = this.#numbers[row]!;
        if (!Number.isNaN(number)) this.#numbers[row] = this.#indexOf(number);
      }
    }
    const key = typeof value === "object" ? JSON.stringify(value) : value;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.#values.push(value) - 1;
      this.#indexes.set(key, index);
    }
    return index;
  }

  /** The value of a row. */
  value(row: number): Json | undefined {
    const number = this.#numbers[row]!;
    if (Number.isNaN(number)) return undefined;
    return this.#values === undefined ? number : this.#values[number];
  }

  /** A number for each row, the smallest for the first; absent values are last in either direction. */
  weights(): Float64Array {
    const places = this.#values && placesOf(this.#values);
    const sign = this.#descending ? -1 : 1;
    const weights = new Float64Array(this.#count);
    for (let row = 0; row < this.#count; row++) {
      const number = this.#numbers[row]!;
      weights[row] = Number.isNaN(number)
        ? Number.POSITIVE_INFINITY
        : sign * (places === undefined ? number : places[number]!);
    }
    return weights;
  }
}

/** The place of each value among the others in order; the same one for equal values. */
function placesOf(values: readonly Json[]): Uint32Array {
  const keys = values.length < MANY_TEXTS ? undefined : keysOf(values);
  const compare =
    keys === undefined
      ? (a: number, b: number) => compareValues(values[a]!, values[b]!)
      : (a: number, b: number) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : 0);
  const order = Array.from(values, (_, index) => index).sort(compare);
  const places = new Uint32Array(values.length);
  let place = 0;
  for (let at = 1; at < order.length; at++) {
    if (compare(order[at - 1]!, order[at]!) !== 0) place = at;
    places[order[at]!] = place;
  }
  return places;
}

let keyOf: ReturnType<typeof plainKeys> | undefined;

/** Keys that order the values, if all are plain texts. */
function keysOf(values: readonly Json[]): string[] | undefined {
  keyOf ??= plainKeys(collate);
  const keys: string[] = [];
  for (const value of values) {
    const key = typeof value === "string" ? keyOf(value) : undefined;
    if (key === undefined) return undefined;
    keys.push(key);
  }
  return keys;
}

/** The values that rows are sorted by, the most important column first. */
export class SortColumns {
  readonly #descending: readonly boolean[];
  #columns: readonly SortColumn[];
  #count = 0;

  /** @param descending for each column whether the largest value comes first */
  constructor(descending: readonly boolean[]) {
    this.#descending = descending;
    this.#columns = descending.map((each) => new SortColumn(each));
  }

  /** How many rows there are. */
  get count(): number {
    return this.#count;
  }

  /** Adds a row. */
  add(values: readonly (Json | undefined)[]): void {
    const columns = this.#columns;
    for (let index = 0; index < columns.length; index++) columns[index]!.add(values[index]);
    this.#count++;
  }

  /** The numbers of the rows in order; equal rows in the order in which they were added. */
  sorted(): Uint32Array {
    const weights = this.#columns.map((column) => column.weights());
    const order = Uint32Array.from({ length: this.#count }, (_, row) => row);
    return order.sort((a, b) => {
      for (const each of weights) {
        const [one, other] = [each[a]!, each[b]!];
        if (one !== other) return one < other ? -1 : 1;
      }
      return a - b;
    });
  }

  /** Keeps only some rows, in this order. */
  retain(rows: Uint32Array): void {
    const before = this.#columns;
    this.#columns = this.#descending.map((each) => new SortColumn(each));
    this.#columns.forEach((column, index) => {
      for (const row of rows) column.add(before[index]!.value(row));
    });
    this.#count = rows.length;
  }
}
