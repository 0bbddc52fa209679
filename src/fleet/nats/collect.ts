/**
 * The client's side on NATS: sends a question to many agents, and collects their answers host by host.
 *
 * Agents first send summaries. Then their pages are pulled.
 */
import { randomBytes } from "node:crypto";
import { createInbox, type Msg, type Subscription } from "@nats-io/transport-node";
import { type HostOutcome, versionProblem } from "../fan-out.ts";
import { type Frame, ProtocolError, type Question } from "../protocol.ts";
import { type Collection, finish, start } from "./collection.ts";
import type { Broker } from "./connect.ts";
import { clockOf, type FarHost, isDone, isSilent, newFarHost, outcomeOf, refusalText } from "./far-host.ts";
import { readReply, type Summary, writeCredit } from "./messages.ts";
import type { SigningKey } from "./nkey.ts";
import { pull, rescue, STALL_MS } from "./pull.ts";
import { type Query, writeQuery } from "./query.ts";
import { creditFor, queryAll, queryOne, replyFrom, replyToken } from "./subjects.ts";

/** How a question is sent. */
export interface CollectOptions {
  /** Signs the question. */
  readonly key: SigningKey | undefined;
  /** Whether the hosts are all that there are, so that one message goes to all. */
  readonly toAll: boolean;
  /** Milliseconds until the run ends, whatever is missing. */
  readonly deadlineMs: number;
  /** Ends the run when it is aborted. Its reason, if that is a text, is why hosts are missing. */
  readonly interrupted: AbortSignal;
  /** Milliseconds of a wall clock. */
  readonly now: () => number;
}

/** The reason for a host whose agent has no connection to the server. */
export const NOT_CONNECTED = "its agent is not connected";

/** An answer of this size comes with its summary: 10,000 of them stay below what a server holds for a client. */
const INLINE_BYTES = 4096;
/** Longest time that a question may wait in an agent that is busy: agents accept no more. */
const LONGEST_LIFE_MS = 600_000;
/** From then on, pages are pulled although some hosts are silent. */
const START_MS = 1000;
/** When silent hosts are looked for on the server. */
const PROBE_MS = 400;
/** How long a host may be silent, as a share of the deadline. */
const SILENT_SHARE = 1 / 3;
const NO_RESPONDERS = 503;

/** Takes a summary. */
function greet(
  collection: Collection,
  far: FarHost,
  { summary, page }: { readonly summary: Summary; readonly page: Uint8Array },
  askedMs: number,
): void {
  if (far.summary !== undefined) {
    if (far.summary.instance !== summary.instance) finish(collection, far, "two agents answer in its name");
    return;
  }
  collection.silent--;
  far.summary = summary;
  const hasPages = summary.inline ? summary.pages === 1 : summary.pages > 0;
  const problem =
    versionProblem(summary.hello) ?? (hasPages ? undefined : "its answer is malformed: it has no pages");
  if (problem !== undefined) {
    finish(collection, far, problem);
    return;
  }
  far.clock = clockOf(summary, askedMs, collection.now());
  if (summary.inline) {
    far.early.set(0, page);
    far.granted = 1;
  }
  if (collection.started) collection.queue.push(far);
}

/** Takes a message of a host. */
function hear(collection: Collection, far: FarHost, { data }: Msg, askedMs: number): void {
  try {
    const reply = readReply(data);
    far.lastMs = collection.now();
    if ("summary" in reply) greet(collection, far, reply, askedMs);
    else if ("working" in reply) far.isWorking = true;
    else if ("refused" in reply)
      finish(collection, far, refusalText(reply.refused, reply.wallMs - collection.now()));
    else if (reply.seq >= far.next && reply.seq < far.granted)
      // A copy: the message is part of what was read from the connection at once.
      far.early.set(reply.seq, reply.page.slice());
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    finish(collection, far, `its answer is malformed: ${error.message}`);
  }
}

/** Ends the hosts without a whole answer. @param reason why; undefined for a host that may go on */
function giveUp(collection: Collection, reason: (far: FarHost) => string | undefined): void {
  for (const far of collection.fars) {
    const text = isDone(far) ? undefined : reason(far);
    if (text !== undefined) finish(collection, far, text);
  }
}

/** Makes the function that goes on after each event: reads what has come, and ends when nothing is awaited. */
function progress(collection: Collection, end: (error?: unknown) => void): () => void {
  let reading = false;
  let ended = false;
  return () => {
    if (ended || (!collection.started && collection.silent > 0)) return;
    start(collection);
    // A reader that writes to a slow output must not be entered twice.
    if (reading) return;
    reading = true;
    try {
      pull(collection);
    } catch (error) {
      // The output cannot be written. The client library would keep the error to itself.
      ended = true;
      end(error);
      return;
    } finally {
      reading = false;
    }
    if (collection.unfinished > 0) return;
    ended = true;
    end();
  };
}

/**
 * Looks for silent hosts: sends each a message without effect, which the server answers for a host that is not connected.
 *
 * @param lost takes the hosts that are not connected
 */
function prober({ connection, id, fars }: Collection, lost: (far: FarHost) => void) {
  const inbox = createInbox();
  const nothing = writeCredit({ id, done: 0, from: 0, until: 0 });
  const subscription = connection.subscribe(`${inbox}.*`, {
    callback(error, message) {
      if (error !== null || message.headers?.code !== NO_RESPONDERS) return;
      const far = fars[Number(message.subject.slice(inbox.length + 1))];
      if (far !== undefined && isSilent(far)) lost(far);
    },
  });
  const probe = () => {
    for (const [index, far] of fars.entries())
      if (isSilent(far)) connection.publish(creditFor(far.token), nothing, { reply: `${inbox}.${index}` });
  };
  return { subscription, probe };
}

/** Sends the question. @throws RangeError if it is too long */
function sendQuestion(
  { connection, id, fars }: Collection,
  question: Question,
  { key, toAll, deadlineMs }: CollectOptions,
  issuedMs: number,
): void {
  const query: Query = {
    id,
    issuedMs,
    expiresMs: issuedMs + Math.min(deadlineMs, LONGEST_LIFE_MS),
    inlineBytes: INLINE_BYTES,
    question,
  };
  if (toAll) connection.publish(queryAll, writeQuery(query, key));
  else
    for (const { host, token } of fars)
      connection.publish(queryOne(token), writeQuery({ ...query, to: [host] }, key));
}

/**
 * Sends a question, and collects the answers.
 *
 * @param hosts who should answer; nobody else is heard
 * @param take takes the frames of the answers: all of one host, then all of the next
 * @returns what became of each host, in the order of the list
 */
export function collect(
  { connection, counts }: Broker,
  hosts: readonly string[],
  question: Question,
  take: (host: string, frame: Frame) => void,
  options: CollectOptions,
): Promise<readonly HostOutcome[]> {
  const { deadlineMs, interrupted, now } = options;
  const { promise, resolve, reject } = Promise.withResolvers<readonly HostOutcome[]>();
  const askedMs = now();
  const fars = hosts.map(newFarHost);
  const byToken = new Map(fars.map((far) => [far.token, far]));
  const collection: Collection = {
    connection,
    id: randomBytes(16).toString("base64url"),
    fars,
    take,
    now,
    queue: [],
    unfinished: fars.length,
    silent: fars.length,
    started: false,
    isLate: false,
  };
  const release: (() => void)[] = [];
  let ended = false;
  const end = (error?: unknown) => {
    if (ended) return;
    ended = true;
    for (const each of release) each();
    if (error === undefined) resolve(fars.map(outcomeOf));
    else reject(error);
  };
  const proceed = progress(collection, end);
  const leave = (reason: (far: FarHost) => string | undefined) => {
    giveUp(collection, reason);
    proceed();
  };

  const untilEnd = (subscription: Subscription) => release.push(() => subscription.unsubscribe());
  const after = (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms);
    release.push(() => clearTimeout(timer));
  };
  const answers = connection.subscribe(replyFrom("*", collection.id), {
    callback(error, message) {
      if (error !== null) return leave(() => "the server does not allow its answers to be read");
      const far = byToken.get(replyToken(message.subject) ?? "");
      if (far === undefined || isDone(far) || ended) return;
      hear(collection, far, message, askedMs);
      proceed();
    },
  });
  untilEnd(answers);
  const { subscription, probe } = prober(collection, (far) => {
    finish(collection, far, NOT_CONNECTED);
    proceed();
  });
  untilEnd(subscription);
  after(PROBE_MS, probe);
  after(START_MS, () => {
    start(collection);
    proceed();
  });
  const silentMs = deadlineMs * SILENT_SHARE;
  after(silentMs, () =>
    leave((far) => (isSilent(far) ? `no answer within ${Math.round(silentMs / 100) / 10} s` : undefined)),
  );
  after(deadlineMs, () => {
    collection.isLate = true;
    proceed();
    leave(() => `no whole answer within ${deadlineMs / 1000} s`);
  });
  let { reconnects } = counts;
  const rescuing = setInterval(() => {
    rescue(collection, counts.reconnects !== reconnects);
    reconnects = counts.reconnects;
    proceed();
  }, STALL_MS / 3);
  release.push(() => clearInterval(rescuing));
  const interrupt = () =>
    leave(() => (typeof interrupted.reason === "string" ? interrupted.reason : "interrupted"));
  interrupted.addEventListener("abort", interrupt);
  release.push(() => interrupted.removeEventListener("abort", interrupt));

  try {
    sendQuestion(collection, question, options, askedMs);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    leave(() => error.message);
  }
  proceed();
  return promise;
}
