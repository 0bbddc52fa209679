/**
 * A question as a message: a line with the signature, then the signed JSON.
 *
 * An agent answers a question once, before it expires, and if it was given keys to trust, only one that is signed by one
 * of them.
 */
import { checkQuestion, ProtocolError, type Question } from "../protocol.ts";
import type { SigningKey, VerifyingKey } from "./nkey.ts";

/** A question with what keeps it from being repeated, or sent to others. */
export interface Query {
  /** 128 random bits: the name of the question, and of its answers. */
  readonly id: string;
  /** The hosts that it is for; absent for every host. */
  readonly to?: readonly string[];
  /** Milliseconds since 1970 by the client's clock. */
  readonly issuedMs: number;
  readonly expiresMs: number;
  /** An answer of at most this many bytes is sent at once, without waiting for credit. */
  readonly inlineBytes: number;
  readonly question: Question;
}

/** Longest message, in bytes. */
export const QUERY_LIMIT = 512 << 10;
/** Longest time from the issue of a question to its expiry. */
const LONGEST_LIFE_MS = 600_000;
/** How far the clock of a client may be ahead. */
const CLOCK_SKEW_MS = 60_000;
/** Questions that an agent remembers at most, to refuse their repetition. */
const MOST_REMEMBERED = 10_000;
/** Before the signed bytes, so that a signature for another purpose is not one of a question. */
const PURPOSE = "sockscope.v1.query\n";

const ID = /^[\w-]{22,64}$/;
const NEWLINE = 0x0a;

/** Whether a text can be the name of a question: it becomes a token of a subject. */
export function isQueryId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function signedBytes(body: Uint8Array): Uint8Array {
  return Buffer.concat([encoder.encode(PURPOSE), body]);
}

/** The message of a question. @throws RangeError if it is too long for agents */
export function writeQuery(query: Query, key: SigningKey | undefined): Uint8Array {
  const body = encoder.encode(JSON.stringify(query));
  const line = key === undefined ? "" : `${key.publicKey} ${key.sign(signedBytes(body))}`;
  const message = Buffer.concat([encoder.encode(`${line}\n`), body]);
  if (message.length > QUERY_LIMIT) throw new RangeError("the question is too long");
  return message;
}

/** A message as its parts, none of them checked. */
export interface UncheckedQuery {
  readonly publicKey: string;
  readonly signature: string;
  readonly body: Uint8Array;
  readonly fields: { readonly [key: string]: unknown };
}

/** Splits a message. @throws ProtocolError for one that is too long, or no JSON object */
export function splitQuery(message: Uint8Array): UncheckedQuery {
  if (message.length > QUERY_LIMIT) throw new ProtocolError("the question is too long");
  const end = message.indexOf(NEWLINE);
  if (end < 0) throw new ProtocolError("the question has no line for its signature");
  const [publicKey = "", signature = ""] = decoder.decode(message.subarray(0, end)).split(" ");
  const body = message.subarray(end + 1);
  let fields: unknown;
  try {
    fields = JSON.parse(decoder.decode(body));
  } catch {
    throw new ProtocolError("the question is not JSON");
  }
  if (typeof fields !== "object" || fields === null || Array.isArray(fields))
    throw new ProtocolError("the question is not an object");
  return { publicKey, signature, body, fields: fields as UncheckedQuery["fields"] };
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** The question of a message. @throws ProtocolError */
function readFields({ id, to, issuedMs, expiresMs, inlineBytes, question }: UncheckedQuery["fields"]): Query {
  const isWhole =
    isQueryId(id) &&
    (to === undefined || (Array.isArray(to) && to.every((host) => typeof host === "string"))) &&
    isNumber(issuedMs) &&
    isNumber(expiresMs) &&
    isNumber(inlineBytes);
  if (!isWhole) throw new ProtocolError("the question is malformed");
  return {
    id,
    ...(to === undefined ? {} : { to: to as string[] }),
    issuedMs,
    expiresMs,
    inlineBytes,
    question: checkQuestion(question),
  };
}

/** Checks questions for one host. */
export interface Gatekeeper {
  /**
   * A message's question.
   *
   * @returns undefined if it is for other hosts
   * @throws ProtocolError with why it is refused
   */
  admit(message: UncheckedQuery): Query | undefined;
}

/**
 * Makes the gatekeeper of a host.
 *
 * @param trusted the keys whose questions are answered; undefined answers questions without a signature
 * @param nowMs the wall clock
 */
export function gatekeeper(
  host: string,
  trusted: ReadonlyMap<string, VerifyingKey> | undefined,
  nowMs: () => number,
): Gatekeeper {
  /** When the questions that were admitted expire, the oldest first. */
  const admitted = new Map<string, number>();
  const startedMs = nowMs();
  const forget = (now: number) => {
    for (const [id, expiresMs] of admitted) if (expiresMs < now) admitted.delete(id);
  };
  return {
    admit(message) {
      const { publicKey, signature, body } = message;
      if (trusted !== undefined) {
        if (publicKey === "") throw new ProtocolError("the question is not signed");
        const key = trusted.get(publicKey);
        if (key === undefined)
          throw new ProtocolError("the question is signed with a key that is not trusted");
        if (!key.verifies(signedBytes(body), signature))
          throw new ProtocolError("the signature of the question is wrong");
      }
      const query = readFields(message.fields);
      const { id, to, issuedMs, expiresMs } = query;
      if (to !== undefined && !to.includes(host)) return undefined;
      const now = nowMs();
      if (expiresMs < now) throw new ProtocolError("the question has expired");
      if (issuedMs > now + CLOCK_SKEW_MS) throw new ProtocolError("the question is from the future");
      // What came before the start is not remembered.
      if (issuedMs < startedMs) throw new ProtocolError("the question is older than this agent");
      if (expiresMs - issuedMs > LONGEST_LIFE_MS) throw new ProtocolError("the question lives too long");
      if (admitted.has(id)) throw new ProtocolError("the question was answered before");
      if (admitted.size >= MOST_REMEMBERED) forget(now);
      if (admitted.size >= MOST_REMEMBERED) throw new ProtocolError("too many questions");
      admitted.set(id, expiresMs);
      return query;
    },
  };
}
