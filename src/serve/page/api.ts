/** Requests to the server. */
import type { FilterProblem } from "./answers.ts";

/** The body of an answer that refuses a request (RFC 9457). */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly filter?: FilterProblem;
}

/** A request that the server refused. */
export class Refusal extends Error {
  /** Status of HTTP. */
  readonly status: number;
  /** Where the filter is wrong, if that is why. */
  readonly filter: FilterProblem | undefined;

  constructor(status: number, { title, detail, filter }: Problem) {
    super(detail ?? title ?? `The server answers with status ${status}.`);
    this.status = status;
    this.filter = filter;
  }
}

/** The server cannot be reached. Browsers have other words for that each. */
export class NoAnswer extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

const TOKEN = "sockscope-token";

/** Keeps the token for this tab. */
export function keepToken(token: string): void {
  sessionStorage.setItem(TOKEN, token.trim());
}

/** The header with the token. */
export function authorization(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Why an answer is not the wanted one. */
export async function refusalOf(answer: Response): Promise<Refusal> {
  return new Refusal(answer.status, (await answer.json().catch(() => ({}))) as Problem);
}

/** Parameters of a request; empty ones are not sent. */
export type Parameters = Readonly<Record<string, string | number | undefined>>;

/** The path of a request with its parameters. */
export function pathOf(path: string, parameters: Parameters): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  const query = new URLSearchParams(given.map(([key, value]) => [key, `${value}`]));
  return given.length === 0 ? path : `${path}?${query}`;
}

/**
 * Requests JSON.
 *
 * @throws Refusal if the server refuses; NoAnswer; AbortError
 */
export async function request<T>(
  path: string,
  parameters: Parameters = {},
  signal?: AbortSignal,
): Promise<T> {
  const answer = await fetch(pathOf(path, parameters), {
    headers: authorization(),
    cache: "no-store",
    ...(signal === undefined ? {} : { signal }),
  }).catch((error) => {
    throw error instanceof TypeError ? new NoAnswer() : error;
  });
  if (!answer.ok) throw await refusalOf(answer);
  return (await answer.json()) as T;
}
