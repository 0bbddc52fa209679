/**
 * The agent on NATS: takes questions, and keeps the pages of its answers until the client allows it to send them.
 *
 * Anybody whom the server lets may write to it, so every message is checked, and everything that is kept has a limit.
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Allowance } from "../allowance.ts";
import {
  type Begin,
  type CutReason,
  type Frame,
  type Hello,
  ProtocolError,
  type Question,
  writeLine,
} from "../protocol.ts";
import { type Reply, readCredit, writeReply } from "./messages.ts";
import type { VerifyingKey } from "./nkey.ts";
import { PAGE_BYTES, pageWriter } from "./pages.ts";
import { gatekeeper, isQueryId, type Query, splitQuery, type UncheckedQuery } from "./query.ts";
import { register } from "./roster.ts";
import { blankStats, type Endpoint, type ServiceStats, startService } from "./service.ts";
import { creditFor, hostToken, queryAll, queryOne, replyFrom } from "./subjects.ts";

/** Answers that are made at a time, and questions that wait for their turn. */
const RUNNING = 4;
const WAITING = 64;
/** Bytes of pages that are kept for all clients together. */
const KEPT_BYTES = 64 << 20;
/** The longest answer that is sent at once, without credit. */
const INLINE_BYTES = 64 << 10;
/** Longest time for one answer, whatever the question says. */
const LONGEST_MS = 600_000;
/** How long an answer is kept beyond the time that the question gives. */
const GRACE_MS = 5000;
/**
 * When a client is sent word that the answer takes a while: before it looks for silent hosts, which is after 400 ms and
 * after a third of the time that the question gives.
 */
const WORKING_AFTER_MS = 300;
const WORKING_AFTER_SHARE = 0.1;
/** How often a page is sent again, because a client has lost it. */
const RESENDS = 3;
/** Messages that are answered with a refusal while there is no processor time. Longer ones are ignored. */
const CHEAP_MESSAGE = 16 << 10;
/** Time between two registrations, and between attempts while there is no roster. They are spread by half of it. */
const REGISTER_MS = 600_000;
const RETRY_MS = 60_000;
/** After a server has come back, agents register within this time. */
const AFTER_RECONNECT_MS = 10_000;

/** The limits of one answer. */
export interface AgentLimits {
  /** Which limit is reached; undefined while the answer may go on. */
  reached(): CutReason | undefined;
  /** Ends a command when there is no time left. Absent for a listing, which looks at its limits itself. */
  readonly signal?: AbortSignal;
}

/** What an agent is made of. */
export interface AgentOptions {
  readonly connection: NatsConnection;
  /** What the agent says of itself. `hello.host` is its name. */
  readonly hello: Hello;
  /** Unique to this process. */
  readonly instance: string;
  /** The clocks and addresses of the host, now. */
  begin(): Begin;
  /** Makes an answer. */
  answer(question: Question, send: (frame: Frame) => void, limits: AgentLimits): Promise<void>;
  /** The keys whose questions are answered; undefined answers questions without a signature. */
  readonly trusted: ReadonlyMap<string, VerifyingKey> | undefined;
  readonly allowance: Allowance;
  /** The wall clock, and one that does not jump, in milliseconds. */
  wallMs(): number;
  awakeMs(): number;
  /** Takes a message for whoever runs the agent. */
  report(line: string): void;
}

/** A running agent. */
export interface Agent {
  readonly stats: ServiceStats;
  /** Registers the host again, soon: the server is back. */
  reconnected(): void;
  /** Ends it. The connection stays open. */
  stop(): void;
}

/** An answer that waits for credit. */
interface KeptAnswer {
  /** Its pages; those that the client has are undefined. */
  readonly pages: (Uint8Array | undefined)[];
  /** Messages that may still be sent. */
  sends: number;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A question that was admitted. */
interface Task {
  readonly query: Query;
  readonly endpoint: Endpoint;
  /** The host's clocks when it came. */
  readonly begin: Begin;
  readonly receivedMs: number;
}

/** Starts the agent. */
export function startAgent(options: AgentOptions): Agent {
  const { connection, hello, instance, trusted, allowance, wallMs, awakeMs, report } = options;
  const token = hostToken(hello.host);
  const keeper = gatekeeper(hello.host, trusted, wallMs);
  const stats = blankStats();
  const kept = new Map<string, KeptAnswer>();
  const waiting: Task[] = [];
  const ending = new AbortController();
  let keptBytes = 0;
  let running = 0;

  const reply = (id: string, message: Reply) => {
    if (!connection.isClosed()) connection.publish(replyFrom(token, id), writeReply(message));
  };
  const refuse = (endpoint: Endpoint, id: unknown, reason: string) => {
    stats[endpoint].errors++;
    stats[endpoint].lastError = reason;
    if (isQueryId(id)) reply(id, { refused: reason, wallMs: wallMs() });
  };

  function forget(id: string): void {
    const answer = kept.get(id);
    if (answer === undefined) return;
    clearTimeout(answer.timer);
    for (const page of answer.pages) keptBytes -= page?.length ?? 0;
    kept.delete(id);
  }

  /** Takes a question. */
  function take(endpoint: Endpoint, { data }: Msg): void {
    stats[endpoint].requests++;
    const end = allowance.begin();
    const isOver = allowance.leftMs() <= 0;
    let message: UncheckedQuery | undefined;
    try {
      if (isOver && data.length > CHEAP_MESSAGE) throw new ProtocolError("it has used up its processor time");
      message = splitQuery(data);
      if (isOver) throw new ProtocolError("it has used up its processor time");
      const query = keeper.admit(message);
      if (query === undefined) return;
      const task = { query, endpoint, begin: options.begin(), receivedMs: awakeMs() };
      if (running < RUNNING) void run(task);
      else if (waiting.length < WAITING) {
        waiting.push(task);
        reply(query.id, { working: true });
      } else throw new ProtocolError("it is busy");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(endpoint, message?.fields["id"], error.message);
    } finally {
      end();
    }
  }

  /** Answers a question, and then the next one that waits. */
  async function run(task: Task): Promise<void> {
    running++;
    const { endpoint, receivedMs, query } = task;
    const end = allowance.begin();
    try {
      await makeAnswer(task);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      report(`a question cannot be answered: ${reason}`);
      refuse(endpoint, query.id, `it failed: ${reason}`);
    } finally {
      end();
      stats[endpoint].processingMs += awakeMs() - receivedMs;
      running--;
      const next = waiting.shift();
      if (next !== undefined) void run(next);
    }
  }

  async function makeAnswer({ query, begin, receivedMs }: Task): Promise<void> {
    const { id, question } = query;
    const budgetMs = Math.min(question.budgetMs, LONGEST_MS);
    const leftMs = budgetMs - (awakeMs() - receivedMs);
    const writer = pageWriter();
    let rows = 0;
    let isWorking = false;
    const working = () => {
      if (!isWorking) reply(id, { working: true });
      isWorking = true;
    };
    const isCommand = question.form === "output";
    const workingMs = Math.min(WORKING_AFTER_MS, budgetMs * WORKING_AFTER_SHARE);
    const timer = setTimeout(working, isCommand ? 0 : workingMs);
    const limits: AgentLimits = {
      ...(isCommand
        ? { signal: AbortSignal.any([ending.signal, AbortSignal.timeout(Math.max(1, leftMs))]) }
        : {}),
      reached() {
        if (awakeMs() - receivedMs > workingMs) working();
        if (allowance.leftMs() <= 0) return "cpu";
        return keptBytes + writer.bytes() > KEPT_BYTES ? "size" : undefined;
      },
    };
    const send = (frame: Frame) => {
      if ("rows" in frame) rows += frame.rows.length;
      writer.write(writeLine(frame));
    };
    try {
      await options.answer({ ...question, budgetMs: leftMs }, send, limits);
    } finally {
      clearTimeout(timer);
    }
    const { pages, bytes } = writer.finish();
    const inline = pages.length === 1 && bytes <= Math.min(query.inlineBytes, INLINE_BYTES);
    const summary = {
      instance,
      hello,
      begin,
      tookMs: awakeMs() - receivedMs,
      rows,
      pages: pages.length,
      bytes,
      inline,
    };
    if (!inline) {
      keptBytes += bytes;
      const timer = setTimeout(() => forget(id), Math.max(0, leftMs) + GRACE_MS);
      kept.set(id, { pages: [...pages], sends: pages.length * RESENDS, timer });
    }
    reply(id, { summary, page: inline ? pages[0]! : new Uint8Array(0) });
  }

  /** Sends pages. */
  function pay({ data }: Msg): void {
    const credit = readCredit(data);
    if (credit === undefined) return;
    const { id, done, from, until } = credit;
    const answer = kept.get(id);
    if (answer === undefined) {
      if (until > from) reply(id, { refused: "its answer is not kept any longer", wallMs: wallMs() });
      return;
    }
    const { pages } = answer;
    for (let seq = Math.min(done, pages.length) - 1; seq >= 0 && pages[seq] !== undefined; seq--) {
      keptBytes -= pages[seq]!.length;
      pages[seq] = undefined;
    }
    if (done >= pages.length) {
      forget(id);
      return;
    }
    for (let seq = from; seq < Math.min(until, pages.length) && answer.sends > 0; seq++) {
      const page = pages[seq];
      if (page === undefined) continue;
      answer.sends--;
      reply(id, { seq, page });
    }
  }

  const subscribe = (subject: string, take: (message: Msg) => void) =>
    connection.subscribe(subject, {
      callback(error, message) {
        if (error === null) take(message);
        else report(`cannot subscribe to ${subject}: ${error.message}`);
      },
    });
  const subscriptions = [
    subscribe(queryAll, (message) => take("all", message)),
    subscribe(queryOne(token), (message) => take("host", message)),
    subscribe(creditFor(token), pay),
    ...startService(
      connection,
      { id: instance, version: hello.version, host: hello.host, token },
      stats,
      wallMs(),
      () => allowance.leftMs() > 0,
    ),
  ];

  let registered: boolean | undefined;
  let timer: ReturnType<typeof setTimeout>;
  const enter = async () => {
    const done = await register(connection, token, { version: hello.version, instance });
    if (!done && registered !== false && !connection.isClosed())
      report("not on the roster: the server has no JetStream, or does not allow it");
    registered = done;
  };
  const enterLater = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      await enter();
      enterLater((registered ? REGISTER_MS : RETRY_MS) * (0.75 + Math.random() / 2));
    }, ms);
  };
  enterLater(0);
  const { max_payload: most = Number.POSITIVE_INFINITY } = connection.info ?? {};
  if (most < PAGE_BYTES * 2) report(`the server's max_payload is ${most}: long answers may fail`);
  return {
    stats,
    reconnected: () => enterLater(Math.random() * AFTER_RECONNECT_MS),
    stop() {
      ending.abort();
      clearTimeout(timer);
      for (const subscription of subscriptions) subscription.unsubscribe();
      for (const id of [...kept.keys()]) forget(id);
      waiting.length = 0;
    },
  };
}
