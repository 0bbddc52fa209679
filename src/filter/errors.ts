/** Mistakes in a filter. */

/** A range of the filter's text. */
export interface FilterPosition {
  /** UTF-16 code units from the start. */
  readonly offset: number;
  /** UTF-16 code units. */
  readonly length: number;
}

/**
 * The kind of a mistake in a filter:
 *
 * - `syntax`: the grammar does not allow the word, or the end, at its position
 * - `longLine`: a line of the filter file has more than 1022 bytes
 * - `host`: not a host of its family
 * - `address`: neither an IP address or prefix nor a host name that has an address
 * - `name`: a host name, where host names cannot be looked up
 * - `port`: neither a port number nor a service
 * - `ambiguousPort`: a service that has several ports
 * - `device`: no interface has that name or index
 * - `mark`: not a firewall mark
 * - `cgroup`: not a control group
 * - `fact`: not an operand of one of Sockscope's own predicates
 * - `unsupported`: a predicate that the running kernel does not have
 */
export type FilterErrorKind =
  | "syntax"
  | "longLine"
  | "host"
  | "address"
  | "name"
  | "port"
  | "ambiguousPort"
  | "device"
  | "mark"
  | "cgroup"
  | "fact"
  | "unsupported";

/** The parts of a {@link FilterError}. */
export interface FilterProblem {
  /** The kind of mistake. */
  readonly kind: FilterErrorKind;
  /** The range of the wrong word. */
  readonly position: FilterPosition;
  /** A noun phrase for what the filter may have at this position. */
  readonly expected: string;
  /** The wrong part of the word, without backslashes; empty at the end of the filter. */
  readonly text?: string;
  /** Why a control group was not found, or the query of the kernel failed: one line, or several. */
  readonly reason?: string;
}

/** A filter with a mistake in its grammar or in an operand, or with an operand that names nothing on this host. */
export class FilterError extends SyntaxError {
  /** The name of the class. */
  override readonly name = "FilterError";
  /** Distinguishes this class from the other errors of Sockscope. */
  readonly code = "filter";
  /** The kind of mistake. */
  readonly kind: FilterErrorKind;
  /** Where the wrong word begins in the filter, in UTF-16 code units. */
  readonly offset: number;
  /** Length of the wrong word in UTF-16 code units; 0 at the end of the filter. */
  readonly length: number;
  /** A noun phrase for what the filter may have at this position. */
  readonly expected: string;
  /** The wrong part of the word, without backslashes; empty at the end of the filter. */
  readonly text: string;
  /** Why a control group was not found, or the query of the kernel failed: one line, or several. */
  readonly reason: string | undefined;

  constructor({ kind, position, expected, text = "", reason }: FilterProblem) {
    super(`Cannot parse filter at offset ${position.offset}: expected ${expected}`);
    this.kind = kind;
    this.offset = position.offset;
    this.length = position.length;
    this.expected = expected;
    this.text = text;
    this.reason = reason;
  }
}
