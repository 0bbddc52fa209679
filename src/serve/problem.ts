/** Errors as answers: application/problem+json, RFC 9457. */
import { pointOut } from "../filter/caret.ts";
import { FilterError } from "../filter/errors.ts";

/** The statuses that are sent, with their titles. */
const titles = {
  400: "Bad request",
  401: "No valid token",
  403: "Forbidden",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  413: "Request too large",
  415: "Unsupported media type",
  421: "Unknown host name",
  500: "Internal error",
  503: "Too busy",
} as const;

/** A status of an error. */
export type ErrorStatus = keyof typeof titles;

/** Further members of a problem, and headers. */
export interface ProblemParts {
  /** The parameter that is wrong. */
  readonly parameter?: string;
  /** Where a filter is wrong. */
  readonly filter?: FilterMistake;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A mistake in a filter. */
export interface FilterMistake {
  /** UTF-16 code units from the start of the filter. */
  readonly offset: number;
  /** UTF-16 code units; 0 at the end of the filter. */
  readonly length: number;
  /** A noun phrase for what the filter may have there. */
  readonly expected: string;
  /** The wrong part. */
  readonly text: string;
  /** The filter, printable. */
  readonly line: string;
  /** Blanks and carets that stand below the wrong part of `line`. */
  readonly caret: string;
}

/** A request that cannot be answered. Thrown by handlers. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: ErrorStatus;
  readonly parts: ProblemParts;

  /** @param detail what is wrong, in one sentence */
  constructor(status: ErrorStatus, detail: string, parts: ProblemParts = {}) {
    super(detail);
    this.status = status;
    this.parts = parts;
  }
}

/** A wrong value of a parameter. */
export function wrongParameter(parameter: string, detail: string): Refusal {
  return new Refusal(400, detail, { parameter });
}

/** Columns of the line that shows a filter: no filter is longer. */
const FILTER_COLUMNS = 1 << 20;

/** A mistake in a filter as a refusal. */
export function wrongFilter(error: FilterError, filter: string): Refusal {
  const { offset, length, expected, text, reason } = error;
  const [line = "", caret = ""] = pointOut({ args: [filter] }, error, FILTER_COLUMNS, Bun.stringWidth).split(
    "\n",
  );
  const why = reason === undefined ? "" : `${reason}: `;
  const isName = expected === "an address" && /^[A-Za-z_][\w.-]*$/.test(text);
  const names = isName ? ", or a name of /etc/hosts: no name server is queried" : "";
  return new Refusal(400, `${why}${expected} is expected${names}`, {
    parameter: "filter",
    filter: { offset, length, expected, text, line, caret },
  });
}

/** The answer for a refusal. */
export function problemAnswer({ status, message, parts }: Refusal): Response {
  const { headers = {}, ...members } = parts;
  const body = { type: "about:blank", title: titles[status], status, detail: message, ...members };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}

/** What a handler threw as a refusal. @param filter the filter of the request, if it has one */
export function refusalOf(error: unknown, filter: string | undefined): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof FilterError && filter !== undefined) return wrongFilter(error, filter);
  return new Refusal(500, "The request failed.");
}
