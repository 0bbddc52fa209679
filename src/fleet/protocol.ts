/**
 * The messages between a client and an agent: JSON, one object per line.
 *
 * The agent begins with `hello`. The client answers with one question, and the agent with rows, text and notes until
 * `end`. An agent is another host, so nothing that it sends is trusted: {@link readFrame} checks every line.
 */
import type { Json } from "../model/json.ts";

/** The version of this protocol. A change that an older side would misread gets another number. */
export const PROTOCOL = 1;

/** The longest line that either side accepts, in bytes of UTF-8. */
export const LINE_LIMIT = 4 << 20;

/** An agent's description of itself. */
export interface Hello {
  /** Version of its program. */
  readonly version: string;
  /** The protocols that it speaks. */
  readonly protocols: readonly number[];
  /** The name that the host gives itself. */
  readonly host: string;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** An agent's state when it has read the question. */
export interface Begin {
  /** Its clock: milliseconds since 1970. */
  readonly wallMs: number;
  /** Milliseconds since the host was booted. */
  readonly bootMs: number;
  /** The IP addresses of its interfaces. */
  readonly addresses: readonly string[];
}

/** A question. */
export interface Question {
  readonly protocol: number;
  /** The options as arguments, each in full: `--tcp`, `--sort=-rtt`. A command stands before them. */
  readonly args: readonly string[];
  /** State words and the filter. */
  readonly words: readonly string[];
  /** The contents of the filter file. */
  readonly filterFile?: string;
  /** What the answer consists of: rows of a listing, what a command prints, or rows of translations.ts. */
  readonly form: "rows" | "output" | "translations";
  /** Rows that the client takes at most. */
  readonly maxRows: number;
  /** Milliseconds that the answer may take. */
  readonly budgetMs: number;
}

/** A row of an answer: exactly one of `cells`, `values`, `object` and `count` is there. */
export interface RemoteRow {
  /** The cells of ss's table. */
  readonly cells?: readonly string[];
  /** The text below the row. */
  readonly note?: string;
  /** The values of chosen columns, or of those that a group shares; null for one that the socket does not have. */
  readonly values?: readonly Json[];
  /** The socket as in --json. */
  readonly object?: { readonly [key: string]: Json };
  /** Sockets of the group. */
  readonly count?: number;
  /** Sums of the group; null where no socket has the number. */
  readonly sums?: readonly (number | null)[];
  /** The values that the row is sorted by. */
  readonly keys?: readonly Json[];
}

/** The sample of a recorder whose sockets an answer lists instead of the present ones (`--at`). */
export interface PastSample {
  /** When it was taken, by the host's clocks of that time: milliseconds since 1970, and since the boot of `bootId`. */
  readonly wallMs: number;
  readonly bootMs: number;
  readonly bootId: string;
  /** Why it may lack sockets; absent if it has all. */
  readonly partial?: string;
}

/** The end of an answer. */
export interface End {
  /** Exit status that the run would have had. */
  readonly status: number;
  /** The past sample that a listing shows. Absent for the present. */
  readonly past?: PastSample;
  /** What ended the answer before it was whole; absent if it is. */
  readonly cut?: CutReason;
}

/** The limits that can end an answer before it is whole: its rows, its time, its processor time, its size. */
export const cutReasons = ["rows", "time", "cpu", "size"] as const;

/** A limit that ended an answer. */
export type CutReason = (typeof cutReasons)[number];

/** What an agent sends. */
export type Frame =
  | { readonly hello: Hello }
  | { readonly begin: Begin }
  | { readonly rows: readonly RemoteRow[] }
  /** What a command prints, in whole lines. */
  | { readonly output: string }
  /** A message on standard error. */
  | { readonly note: string }
  | { readonly end: End };

/** A line that is not part of the protocol. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  /** Tells this error from others. */
  readonly code = "protocol";
}

type Plain = { readonly [key: string]: unknown };

function isObject(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArrayOf<T>(value: unknown, is: (each: unknown) => each is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}

const isString = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isSum = (value: unknown): value is number | null => value === null || isNumber(value);
/** What JSON.parse returns is JSON. */
const isJsonList = (value: unknown): value is readonly Json[] => Array.isArray(value);
const isAbsentOr =
  <T>(is: (value: unknown) => value is T) =>
  (value: unknown): boolean =>
    value === undefined || is(value);

const ROW_KINDS = ["cells", "values", "object"] as const;

function isRow(value: unknown): value is RemoteRow {
  if (!isObject(value)) return false;
  const { cells, note, values, object, count, sums, keys } = value;
  return (
    ROW_KINDS.filter((kind) => value[kind] !== undefined).length === 1 &&
    isAbsentOr((each): each is readonly string[] => isArrayOf(each, isString))(cells) &&
    isAbsentOr(isString)(note) &&
    isAbsentOr(isJsonList)(values) &&
    isAbsentOr(isObject)(object) &&
    isAbsentOr(isCount)(count) &&
    isAbsentOr((each): each is readonly (number | null)[] => isArrayOf(each, isSum))(sums) &&
    isAbsentOr(isJsonList)(keys)
  );
}

function isPastSample(value: unknown): value is PastSample {
  return (
    isObject(value) &&
    isNumber(value["wallMs"]) &&
    isNumber(value["bootMs"]) &&
    isString(value["bootId"]) &&
    isAbsentOr(isString)(value["partial"])
  );
}

/** What each kind of frame must be. */
const frames: Readonly<Record<string, (value: unknown) => boolean>> = {
  hello: (value) =>
    isObject(value) &&
    isString(value["version"]) &&
    isArrayOf(value["protocols"], isNumber) &&
    isString(value["host"]) &&
    isString(value["bootId"]),
  begin: (value) =>
    isObject(value) &&
    isNumber(value["wallMs"]) &&
    isNumber(value["bootMs"]) &&
    isArrayOf(value["addresses"], isString),
  rows: (value) => isArrayOf(value, isRow),
  output: isString,
  note: isString,
  end: (value) =>
    isObject(value) &&
    isCount(value["status"]) &&
    isAbsentOr(isPastSample)(value["past"]) &&
    (value["cut"] === undefined || cutReasons.some((reason) => reason === value["cut"])),
};

/** Whether a value is the content of a `hello` or a `begin`. */
export function isFrame(kind: "hello" | "begin", value: unknown): boolean {
  return frames[kind]!(value);
}

/** Levels of nesting of a line: a row that is an object has nine at most. */
const MOST_LEVELS = 24;

/**
 * Whether a value has no more levels of nesting than a limit: deep ones would exhaust the stack of whoever writes them.
 */
export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((each) => isShallow(each, levels - 1));
}

/** A line of an agent. @throws ProtocolError for anything else than a frame */
export function readFrame(line: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ProtocolError("a line that is not JSON");
  }
  const [kind, ...others] = isObject(value) ? Object.keys(value) : [];
  if (kind === undefined || others.length > 0 || !Object.hasOwn(frames, kind))
    throw new ProtocolError("a line of an unknown kind");
  if (!isShallow(value, MOST_LEVELS) || !frames[kind]!((value as Plain)[kind]))
    throw new ProtocolError(`a malformed "${kind}"`);
  return value as Frame;
}

/** A question that an agent got. @throws ProtocolError for anything else, and for a protocol that it does not speak */
export function readQuestion(line: string): Question {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new ProtocolError("the question is not JSON");
  }
  return checkQuestion(value);
}

/** A question that an agent got as a value. @throws ProtocolError for anything else, and for a protocol that it does not speak */
export function checkQuestion(value: unknown): Question {
  if (!isObject(value)) throw new ProtocolError("the question is not an object");
  if (value["protocol"] !== PROTOCOL)
    throw new ProtocolError(
      `the question is in protocol ${String(value["protocol"])}, this agent speaks ${PROTOCOL}`,
    );
  const { args, words, filterFile, form, maxRows, budgetMs } = value;
  const isWhole =
    isArrayOf(args, isString) &&
    isArrayOf(words, isString) &&
    isAbsentOr(isString)(filterFile) &&
    (form === "rows" || form === "output" || form === "translations") &&
    isCount(maxRows) &&
    isCount(budgetMs);
  if (!isWhole) throw new ProtocolError("the question is malformed");
  return value as unknown as Question;
}

/** A frame or a question as its line, with the newline. */
export function writeLine(message: Frame | Question): string {
  return `${JSON.stringify(message)}\n`;
}

/**
 * Splits a stream of bytes into lines.
 *
 * @throws ProtocolError for a line beyond {@link LINE_LIMIT}; what comes is never kept beyond that
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let newline = text.indexOf("\n"); newline >= 0; newline = text.indexOf("\n", from)) {
      const line = rest + text.slice(from, newline);
      rest = "";
      from = newline + 1;
      if (line.length > LINE_LIMIT) throw new ProtocolError("a line that is too long");
      yield line;
    }
    rest += text.slice(from);
    if (rest.length > LINE_LIMIT) throw new ProtocolError("a line that is too long");
  }
  if (rest !== "") yield rest;
}
