/** The rows of the table of predicates: everything that the parser and the compilers know about a keyword. */

import type { FilterSubject } from "../families/filter-subject.ts";
import type { Reading } from "./reading.ts";
import type { Comparison, FilterRelation } from "./relations.ts";
import type { FilterWord } from "./source.ts";
import type { Fact, Known } from "./subject.ts";
import type { Writing } from "./writing.ts";

/** The operand of a keyword. */
export interface OperandRow<O> {
  /** A noun phrase for messages. */
  readonly expects: string;
  /** The relations that the keyword takes. */
  readonly relations: readonly FilterRelation[];
  /**
   * Converts the word. This row converts every operand up to the next keyword, even one that the grammar then
   * refuses.
   *
   * @throws FilterError
   */
  read(word: FilterWord, reading: Reading): O;
  /** Checks, after the operand was read, that this host supports the predicate. @throws FilterError */
  require?(word: FilterWord, reading: Reading): void;
  /** Writes the operand as a word that `read` reads as the same operand. */
  write(operand: O, writing: Writing): string;
}

/** Tests a socket; undefined if the socket does not have the fact: then no relation matches. */
export type FactTest = (subject: FilterSubject) => boolean | undefined;

/** One keyword, with operands of type `O`. */
export interface PredicateRow<O> {
  readonly operand?: OperandRow<O>;
  /** The facts of a socket that the predicate reads. */
  facts(operand: O): readonly Fact[];
  /** Makes the test for an operand. A row with the relations `=` and `!=` alone may ignore the comparison. */
  test(operand: O, comparison: Comparison, known: Known): FactTest;
}

/** The relations of facts without an order. */
export const EQUALITY: readonly FilterRelation[] = ["=", "!="];
/** The relations of facts with an order. */
export const ORDER: readonly FilterRelation[] = [...EQUALITY, ">=", "<=", ">", "<"];
