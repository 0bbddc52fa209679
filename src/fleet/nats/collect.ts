/**
 * The client's side on NATS: sends a question to many agents, and collects their answers host by host.
 *
 * Agents first send summaries. Then their pages are pulled in the order of the hosts, a few megabytes at a time, so that
 * neither this process nor the server ever holds more of an answer than that.
 */
import { randomBytes } from "node:crypto";
import { createInbox, type Msg } from "@nats-io/transport-node";
import { type HostOutcome, versionProblem } from "../fan-out.ts";
import { type Frame, ProtocolError, type Question } from "../protocol.ts";
import type { Broker } from "./connect.ts";
import {
  clockOf,
  type FarHost,
  isDone,
  isSilent,
  newFarHost,
  outcomeOf,
  readReady,
  refusalText,
} from "./far-host.ts";
import { MOST_CREDIT, readReply, type Summary, writeCredit } from "./messages.ts";
import type { SigningKey } from "./nkey.ts";
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

/** Pages that are on their way, or wait for their turn here: 16 MiB if nothing in them repeats. */
const WINDOW = MOST_CREDIT;
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
/** When pages that do not come are requested again. Each further request waits twice as long. */
const STALL_MS = 3000;
const NO_RESPONDERS = 503;

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
  { key, toAll, deadlineMs, interrupted, now }: CollectOptions,
): Promise<readonly HostOutcome[]> {
  const id = randomBytes(16).toString("base64url");
  const fars = hosts.map(newFarHost);
  const byToken = new Map(fars.map((far) => [far.token, far]));
  const { promise, resolve, reject } = Promise.withResolvers<readonly HostOutcome[]>();
  /** Hosts whose pages are pulled, in this order. The first is read, the others are read ahead. */
  const queue: FarHost[] = [];
  let unfinished = fars.length;
  let silent = fars.length;
  let started = false;
  let reading = false;
  let ended = false;
  let isLate = false;
  let reconnects = counts.reconnects;

  const credit = (far: FarHost, from: number, until: number, done = far.next) =>
    connection.publish(creditFor(far.token), writeCredit({ id, done, from, until }));

  function finish(far: FarHost, failure?: string): void {
    if (far.failure !== undefined) return;
    if (far.summary === undefined) silent--;
    unfinished--;
    if (failure !== undefined) far.failure = failure;
    far.early.clear();
    // The agent may forget the answer.
    const { summary } = far;
    if (summary !== undefined && !summary.inline) credit(far, 0, 0, summary.pages);
  }

  /** Takes a summary. */
  function greet(far: FarHost, summary: Summary, page: Uint8Array): void {
    if (far.summary !== undefined) {
      if (far.summary.instance !== summary.instance) finish(far, "two agents answer in its name");
      return;
    }
    silent--;
    far.summary = summary;
    const hasPages = summary.inline ? summary.pages === 1 : summary.pages > 0;
    const problem =
      versionProblem(summary.hello) ?? (hasPages ? undefined : "its answer is malformed: it has no pages");
    if (problem !== undefined) {
      finish(far, problem);
      return;
    }
    far.clock = clockOf(summary, askedMs, now());
    if (summary.inline) {
      far.early.set(0, page);
      far.granted = 1;
    }
    if (started) queue.push(far);
  }

  function hear(message: Msg): void {
    const far = byToken.get(replyToken(message.subject) ?? "");
    if (far === undefined || isDone(far) || ended) return;
    try {
      const reply = readReply(message.data);
      far.lastMs = now();
      if ("summary" in reply) greet(far, reply.summary, reply.page);
      else if ("working" in reply) far.isWorking = true;
      else if ("refused" in reply) finish(far, refusalText(reply.refused, reply.wallMs - now()));
      else if (reply.seq >= far.next && reply.seq < far.granted)
        // A copy: the message is part of what was read from the connection at once.
        far.early.set(reply.seq, reply.page.slice());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      finish(far, `its answer is malformed: ${error.message}`);
    }
    proceed();
  }

  /** Reads the pages of a host that have come. */
  function readFrom(far: FarHost): void {
    try {
      if (readReady(far, take)) finish(far);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      far.end = undefined;
      finish(far, `its answer is malformed: ${error.message}`);
    }
  }

  /** Allows hosts to send, the first of the queue first. */
  function grant(): void {
    let room = WINDOW;
    for (const far of queue) {
      room -= far.granted - far.next;
      if (room <= 0) return;
      const { pages } = far.summary!;
      const until = Math.min(pages, far.granted + room);
      // Few large grants, not one for each page.
      if (until === far.granted || (until < pages && until - far.granted < WINDOW / 4)) continue;
      room -= until - far.granted;
      credit(far, far.granted, until);
      far.granted = until;
      far.lastMs = now();
    }
  }

  /** Reads what can be read, and ends if nothing is left. */
  function proceed(): void {
    if (!started && silent > 0) return;
    if (!started) start();
    // A reader that writes to a slow output must not be entered twice.
    if (reading || ended) return;
    reading = true;
    try {
      read();
    } catch (error) {
      // The output cannot be written. The client library would keep the error to itself.
      release();
      reject(error);
      return;
    } finally {
      reading = false;
    }
    if (unfinished === 0) end();
  }

  function read(): void {
    while (queue[0] !== undefined) {
      if (!isDone(queue[0])) {
        if (queue[0].granted === queue[0].next) grant();
        readFrom(queue[0]);
      }
      if (!isDone(queue[0])) break;
      queue.shift();
    }
    // At the end, what has come is shown, whatever it waits for.
    if (isLate) for (const far of queue.splice(0)) readFrom(far);
    else grant();
  }

  function start(): void {
    started = true;
    queue.push(...fars.filter((far) => far.summary !== undefined && !isDone(far)));
  }

  /** Sends silent hosts a message without effect: the server answers it for a host that is not connected. */
  const nothing = writeCredit({ id, done: 0, from: 0, until: 0 });
  function probe(): void {
    for (const [index, far] of fars.entries())
      if (isSilent(far)) connection.publish(creditFor(far.token), nothing, { reply: `${inbox}.${index}` });
  }

  /** Requests pages again that do not come: they were lost with a connection. */
  function rescue(): void {
    const hasReturned = counts.reconnects !== reconnects;
    reconnects = counts.reconnects;
    for (const far of queue) {
      if (isDone(far) || far.granted === far.next || far.early.has(far.next)) continue;
      if (!hasReturned && now() - far.lastMs < STALL_MS * 2 ** far.stalls) continue;
      far.lastMs = now();
      far.stalls++;
      credit(far, far.next, far.granted);
    }
    // Others need not wait for the first.
    const [first] = queue;
    if (first !== undefined && first.stalls > 0 && !isDone(first)) queue.push(queue.shift()!);
    proceed();
  }

  function giveUp(reason: (far: FarHost) => string | undefined): void {
    for (const far of fars) {
      const text = isDone(far) ? undefined : reason(far);
      if (text !== undefined) finish(far, text);
    }
    proceed();
  }

  const inbox = createInbox();
  const subscriptions = [
    connection.subscribe(replyFrom("*", id), {
      callback(error, message) {
        if (error === null) hear(message);
        else giveUp(() => "the server does not allow its answers to be read");
      },
    }),
    connection.subscribe(`${inbox}.*`, {
      callback(error, message) {
        if (error !== null || message.headers?.code !== NO_RESPONDERS) return;
        const far = fars[Number(message.subject.slice(inbox.length + 1))];
        if (far === undefined || !isSilent(far)) return;
        finish(far, NOT_CONNECTED);
        proceed();
      },
    }),
  ];
  const silentMs = deadlineMs * SILENT_SHARE;
  const late = () => {
    isLate = true;
    proceed();
    giveUp(() => `no whole answer within ${deadlineMs / 1000} s`);
  };
  const timers = [
    setTimeout(probe, PROBE_MS),
    setTimeout(() => {
      if (!started) start();
      proceed();
    }, START_MS),
    setTimeout(() => {
      giveUp((far) => (isSilent(far) ? `no answer within ${Math.round(silentMs / 100) / 10} s` : undefined));
    }, silentMs),
    setTimeout(late, deadlineMs),
    setInterval(rescue, STALL_MS / 3),
  ];
  const leave = () =>
    giveUp(() => (typeof interrupted.reason === "string" ? interrupted.reason : "interrupted"));
  interrupted.addEventListener("abort", leave);

  function release(): void {
    ended = true;
    for (const timer of timers) clearTimeout(timer);
    for (const subscription of subscriptions) subscription.unsubscribe();
    interrupted.removeEventListener("abort", leave);
  }

  function end(): void {
    release();
    resolve(fars.map(outcomeOf));
  }

  const askedMs = now();
  const query: Query = {
    id,
    issuedMs: askedMs,
    expiresMs: askedMs + Math.min(deadlineMs, LONGEST_LIFE_MS),
    inlineBytes: INLINE_BYTES,
    question,
  };
  try {
    if (toAll) connection.publish(queryAll, writeQuery(query, key));
    else
      for (const { host, token } of fars)
        connection.publish(queryOne(token), writeQuery({ ...query, to: [host] }, key));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    giveUp(() => error.message);
  }
  proceed();
  return promise;
}
