/** What there is to know about one keyword: a row of the table of predicates. */
import type { Reading } from "./operands.ts";
import type { Comparison } from "./relations.ts";
import type { Fact, FilterSubject, Known } from "./subject.ts";
import type { Relation } from "./tree.ts";
import type { Word } from "./words.ts";
import type { Writing } from "./writing.ts";

/** What follows a keyword, where something does. */
export interface OperandRow<O> {
  /** What it is called in messages. */
  readonly expects: string;
  /** The relations that may stand before it. */
  readonly relations: readonly Relation[];
  /**
   * Converts it. Every operand up to the next keyword is converted by this row, even one that the grammar then
   * refuses. @throws FilterError
   */
  read(word: Word, reading: Reading): O;
  /** Makes sure that the world is fit for the predicate, once its operand is read. @throws FilterError */
  require?(word: Word, reading: Reading): void;
  /** The word that reads as an operand. */
  write(operand: O, writing: Writing): string;
}

/**
 * Whether a socket has what is asked for; undefined if it lacks the fact altogether, so that the predicate does not
 * hold, whatever its relation.
 */
export type FactTest = (subject: FilterSubject) => boolean | undefined;

/** What there is to know about one keyword, whose operands are `O`. */
export interface PredicateRow<O> {
  readonly operand?: OperandRow<O>;
  /** What the predicate reads of a socket. */
  facts(operand: O): readonly Fact[];
  /** Makes the test for an operand; a row whose relations only ask for equality may ignore the comparison. */
  test(operand: O, comparison: Comparison, known: Known): FactTest;
}

/** The relations of what can only be the same or not. */
export const EQUALITY: readonly Relation[] = ["=", "!="];
/** The relations of what has an order. */
export const ORDER: readonly Relation[] = [...EQUALITY, ">=", "<=", ">", "<"];
