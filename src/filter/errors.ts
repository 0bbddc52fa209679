/** What can be wrong with a filter. */
import type { NamedHost } from "./operands.ts";
import type { Place } from "./words.ts";

/** Exit status of ss after wrong usage. */
export const EXIT_USAGE = 255;

/** What makes a {@link FilterError}. */
export interface FilterProblem {
  /** ss's own lines. */
  readonly lines: readonly string[];
  /** ss's exit status. */
  readonly status: number;
  /** Whether ss goes on to print its usage. */
  readonly usage?: boolean;
  /** The word that is wrong. */
  readonly place: Place;
  /** What should have stood there. */
  readonly expected: string;
}

/** A filter that cannot be understood, or whose operand names nothing that is there. */
export class FilterError extends SyntaxError {
  /** Name of the class. */
  override readonly name = "FilterError";
  /** Tells it from other errors of ours. */
  readonly code = "filter";
  /** What ss says: whole lines, without the usage. */
  readonly report: string;
  /** Whether the usage follows the report. */
  readonly usage: boolean;
  /** Exit status: 255 for a sentence that is wrong, 1 for an operand that is. */
  readonly status: number;
  /** Where it is in the filter, in UTF-16 code units. */
  readonly offset: number;
  /** Length of the word; 0 at the end of the filter. */
  readonly length: number;
  /** What should have stood there. */
  readonly expected: string;
  /**
   * Host names read before: one of them may turn out to have no address, which ss would have said first.
   *
   * @internal
   */
  readonly names: readonly NamedHost[];

  constructor(problem: FilterProblem, names: readonly NamedHost[] = []) {
    super(`Cannot parse filter at offset ${problem.place.offset}: expected ${problem.expected}`);
    this.report = problem.lines.map((line) => `${line}\n`).join("");
    this.usage = problem.usage ?? false;
    this.status = problem.status;
    this.offset = problem.place.offset;
    this.length = problem.place.length;
    this.expected = problem.expected;
    this.names = names;
  }
}

/** The problem of a word that cannot stand where it stands. */
export function syntaxProblem(program: string, place: Place, expected: string): FilterProblem {
  return {
    lines: [`${program}: bison bellows (while parsing filter): "syntax error!" Sorry.`],
    status: EXIT_USAGE,
    usage: true,
    place,
    expected,
  };
}

/** The problem of an operand that cannot be what it should be. */
export function operandProblem(place: Place, expected: string, lines: readonly string[]): FilterProblem {
  return { lines, status: 1, place, expected };
}

/** The problem of a predicate that the kernel does not know. */
export function unsupportedProblem(place: Place): FilterProblem {
  return {
    lines: ["It looks like such filter is not supported! Too old kernel?"],
    status: EXIT_USAGE,
    place,
    expected: "a predicate that the kernel knows",
  };
}
