/**
 * The JetStream stream of a fleet's events and findings, and the messages in it.
 *
 * A message is a packet of an agent's spool: a line of JSON that says which numbers it has, and the lines themselves.
 * The host is not part of it: it stands in the subject, on which the server lets only that host publish.
 */
import type { Origin, Packet } from "../spool/spool.ts";
import { eventFrom, findingFrom, hostOfToken, hostToken } from "./subjects.ts";

/** The name of the stream. */
export const STREAM = "sockscope-events";

/** What an agent delivers: events of sockets, and the findings of the doctor. */
export type Feed = "events" | "findings";

const subjects: Readonly<Record<Feed, (token: string, last: string) => string>> = {
  events: eventFrom,
  findings: findingFrom,
};

/** The last token of the subjects: one message has lines of all kinds. */
const BATCH = "batch";
const VERSION = 1;
/** A message is not larger: max_payload of a server that is not configured. */
const MESSAGE_LIMIT = 1 << 20;
const NS_PER_S = 1e9;

/** The subject of a host's feed. */
export function feedSubject(feed: Feed, host: string): string {
  return subjects[feed](hostToken(host), BATCH);
}

/** The subject of a feed of all hosts. */
export function feedOfAll(feed: Feed): string {
  return subjects[feed]("*", BATCH);
}

/** The host of a message; undefined if its subject is not one of ours. */
export function hostOfSubject(subject: string): string | undefined {
  return hostOfToken(subject.split(".")[3] ?? "");
}

/**
 * The stream as it is made by whoever needs it first and may: its limits are the operator's to change, with
 * `nats stream edit`. The oldest messages make room for new ones.
 */
export const streamConfig = {
  name: STREAM,
  description: "Events and findings of sockscope agents",
  subjects: [subjects.events("*", "*"), subjects.findings("*", "*")],
  retention: "limits",
  storage: "file",
  discard: "old",
  max_age: 7 * 86_400 * NS_PER_S,
  max_bytes: 2 ** 30,
  duplicate_window: 120 * NS_PER_S,
  num_replicas: 1,
} as const;

/** The id under which the server recognises a packet that was sent twice. */
export function messageId(feed: Feed, host: string, { boot, spool, first, end }: Packet): string {
  return `${feed} ${hostToken(host)} ${boot} ${spool} ${first}-${end}`;
}

const encoder = new TextEncoder();

/** A packet as a message. */
export function encodeMessage({ boot, spool, first, end, body, lostMs }: Packet): Uint8Array {
  const head = { sockscope: VERSION, boot, spool, first, end, ...(lostMs === undefined ? {} : { lostMs }) };
  return Buffer.concat([encoder.encode(`${JSON.stringify(head)}\n`), body ?? new Uint8Array(0)]);
}

/** Lines of a host, with their numbers. */
export interface Delivered extends Origin {
  readonly first: number;
  readonly end: number;
  /** The lines; undefined if the agent dropped them. */
  readonly lines: readonly string[] | undefined;
  /** Of lines that were dropped: when the last one was, in milliseconds since 1970. */
  readonly lostMs: number | undefined;
}

/** A message that is not what agents send. */
export class MessageError extends Error {
  override readonly name = "MessageError";
  /** Distinguishes this error from others. */
  readonly code = "message";
}

const ID = /^[\w-]{1,64}$/;
/** The latest time that a Date can hold, in milliseconds since 1970. ECMA-262, 21.4.1.1. */
const LATEST_MS = 8.64e15;
const NEWLINE = 0x0a;
const decoder = new TextDecoder();

function isId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The object of a line. @throws MessageError if it is not one */
function headOf(line: string): { readonly [key: string]: unknown } {
  let head: unknown;
  try {
    head = JSON.parse(line);
  } catch {
    throw new MessageError("a message that does not begin with JSON");
  }
  if (typeof head !== "object" || head === null || Array.isArray(head))
    throw new MessageError("a message that does not begin with an object");
  return head as { readonly [key: string]: unknown };
}

/** Reads a message, which anybody who may publish can have made. @throws MessageError */
export function decodeMessage(data: Uint8Array): Delivered {
  if (data.length > MESSAGE_LIMIT) throw new MessageError("a message that is too large");
  const headEnd = data.indexOf(NEWLINE);
  const { sockscope, boot, spool, first, end, lostMs } = headOf(
    decoder.decode(data.subarray(0, Math.max(0, headEnd))),
  );
  if (sockscope !== VERSION)
    throw new MessageError(`a message of version ${JSON.stringify(sockscope) ?? "?"}`);
  if (!isId(boot) || !isId(spool) || !isNumber(first) || !isNumber(end) || end <= first)
    throw new MessageError("a message without whole numbers");
  if (lostMs !== undefined) {
    if (typeof lostMs !== "number" || !(Math.abs(lostMs) <= LATEST_MS))
      throw new MessageError("a message with a wrong time");
    return { boot, spool, first, end, lines: undefined, lostMs };
  }
  const lines = decoder.decode(data.subarray(headEnd + 1)).split("\n");
  if (lines.pop() !== "" || lines.length !== end - first)
    throw new MessageError("a message whose lines are not as many as their numbers");
  return { boot, spool, first, end, lines, lostMs: undefined };
}
