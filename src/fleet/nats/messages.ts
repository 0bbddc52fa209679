/**
 * What agents and clients send each other beside questions: a line of JSON, which a page may follow.
 *
 * Anybody whom the server lets may send such a message, so all of it is checked.
 */
import { type Begin, type Hello, isFrame, ProtocolError } from "../protocol.ts";
import { isQueryId } from "./query.ts";

/** What an agent says of its answer before it sends the pages. */
export interface Summary {
  /** Names the agent's process: two agents must not answer as one host. */
  readonly instance: string;
  readonly hello: Hello;
  readonly begin: Begin;
  /** Milliseconds between the arrival of the question, which `begin` describes, and this message. */
  readonly tookMs: number;
  /** Rows in the answer. */
  readonly rows: number;
  /** Number of pages. */
  readonly pages: number;
  /** Bytes of all pages, compressed. */
  readonly bytes: number;
  /** Whether the only page follows. */
  readonly inline: boolean;
}

/** What an agent sends. */
export type Reply =
  /** It has the question, and the answer takes a while. */
  | { readonly working: true }
  | { readonly summary: Summary; readonly page: Uint8Array }
  | { readonly seq: number; readonly page: Uint8Array }
  /** It does not answer. `wallMs` is its clock. */
  | { readonly refused: string; readonly wallMs: number };

/** Which pages of an answer a client is ready for. */
export interface Credit {
  /** The question. */
  readonly id: string;
  /** The first page that it does not have. The agent may forget those before. */
  readonly done: number;
  /** The first page to send, and the one after the last. */
  readonly from: number;
  readonly until: number;
}

/** Longest line before a page, in bytes. */
const HEAD_LIMIT = 64 << 10;
/** Longest message of credit, in bytes. */
const CREDIT_LIMIT = 1024;
/** Pages that one credit allows at most. */
export const MOST_CREDIT = 64;
const NEWLINE = 0x0a;
const LONGEST_INSTANCE = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A reply as its message. */
export function writeReply(reply: Reply): Uint8Array {
  const { page = new Uint8Array(0), ...head } = reply as { page?: Uint8Array };
  return Buffer.concat([encoder.encode(`${JSON.stringify(head)}\n`), page]);
}

type Plain = { readonly [key: string]: unknown };

const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isNumber = (value: unknown): value is number => typeof value === "number";

function isSummary(value: unknown): value is Summary {
  if (!isPlain(value)) return false;
  const { instance, hello, begin, tookMs, rows, pages, bytes, inline } = value;
  return (
    typeof instance === "string" &&
    instance.length <= LONGEST_INSTANCE &&
    isFrame("hello", hello) &&
    isFrame("begin", begin) &&
    isNumber(tookMs) &&
    isCount(rows) &&
    isCount(pages) &&
    isCount(bytes) &&
    typeof inline === "boolean"
  );
}

/** A message of an agent. @throws ProtocolError for anything else */
export function readReply(message: Uint8Array): Reply {
  const end = message.subarray(0, HEAD_LIMIT).indexOf(NEWLINE);
  if (end < 0) throw new ProtocolError("a message without its line");
  let head: unknown;
  try {
    head = JSON.parse(decoder.decode(message.subarray(0, end)));
  } catch {
    throw new ProtocolError("a line that is not JSON");
  }
  if (!isPlain(head)) throw new ProtocolError("a line that is not an object");
  const page = message.subarray(end + 1);
  const { summary, seq, working, refused, wallMs } = head;
  if (isSummary(summary)) return { summary, page };
  if (isCount(seq)) return { seq, page };
  if (working === true) return { working };
  if (typeof refused === "string" && isNumber(wallMs)) return { refused, wallMs };
  throw new ProtocolError("a message of an unknown kind");
}

/** Credit as its message. */
export function writeCredit(credit: Credit): Uint8Array {
  return encoder.encode(JSON.stringify(credit));
}

/** Credit that an agent got; undefined for anything else. */
export function readCredit(message: Uint8Array): Credit | undefined {
  if (message.length === 0 || message.length > CREDIT_LIMIT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(message));
  } catch {
    return undefined;
  }
  if (!isPlain(value)) return undefined;
  const { id, done, from, until } = value;
  const isCredit =
    isQueryId(id) &&
    isCount(done) &&
    isCount(from) &&
    isCount(until) &&
    until >= from &&
    until - from <= MOST_CREDIT;
  return isCredit ? { id, done, from, until } : undefined;
}
