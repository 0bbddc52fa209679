/** Reads the stream: from now on, from a time, or behind the last message that was read. */
import { DeliverPolicy, jetstream, jetstreamManager, type OrderedConsumerOptions } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  type Delivered,
  decodeMessage,
  type Feed,
  feedOfAll,
  hostOfSubject,
  MessageError,
  STREAM,
} from "./stream.ts";
import { makeStream } from "./stream-deliver.ts";

/** A place in the stream. */
export interface StreamPosition {
  /** When the stream was made, as the server says: a stream that is made again counts from 1. */
  readonly created: string;
  /** Number of the last message that was read; 0 for none. */
  readonly sequence: number;
}

/** Where to begin: behind a message, at a time in milliseconds since 1970, or with what comes from now on. */
export type Beginning = { readonly after: StreamPosition } | { readonly sinceMs: number } | "now";

/** Takes the messages of a stream. */
export interface StreamTaker {
  /** Lines of a host. Waits until they are shown. */
  take(host: string, delivered: Delivered, position: StreamPosition): Promise<void>;
  /** A message that agents do not send. */
  refuse(host: string, error: MessageError): void;
  /** Reading begins behind a message, with what comes from now on. */
  begun(position: StreamPosition): void;
  /** The position cannot be found: the stream was made again, and is read from its beginning. */
  restarted(): void;
}

/** Messages that are fetched ahead. Each has at most a mebibyte, and usually far less. */
const AHEAD = 16;
/** Milliseconds until a consumer that has ended is made again. */
const RETRY_MS = 1000;
/** Milliseconds between two looks whether the stream is still the one that is read. */
const CHECK_MS = 10_000;

function startOf(from: Beginning, read: StreamPosition | undefined): Partial<OrderedConsumerOptions> {
  const after = read ?? (typeof from === "object" && "after" in from ? from.after : undefined);
  if (after !== undefined)
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after.sequence + 1 };
  if (typeof from === "object" && "sinceMs" in from)
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(from.sinceMs).toISOString() };
  return { deliver_policy: DeliverPolicy.New };
}

/**
 * Reads a feed of all hosts until `signal` is aborted; the connection must be closed afterwards. Goes on where it was
 * after the server was away.
 *
 * @throws an error that says why the stream cannot be read, if that is so from the start
 */
export async function readStream(
  connection: NatsConnection,
  feed: Feed,
  from: Beginning,
  taker: StreamTaker,
  signal: AbortSignal,
): Promise<void> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const client = jetstream(connection);
  let position: StreamPosition | undefined =
    typeof from === "object" && "after" in from ? from.after : undefined;
  let begun = false;
  const begin = async () => {
    const info = await manager.streams.info(STREAM).catch(async () => {
      await makeStream(connection);
      return manager.streams.info(STREAM);
    });
    const { created } = info;
    if (position !== undefined && (position.created !== created || position.sequence > info.state.last_seq)) {
      position = { created, sequence: 0 };
      taker.restarted();
    }
    const last = { created, sequence: info.state.last_seq };
    // From now on, also if the consumer must be made again before the first message.
    if (from === "now" && position === undefined) {
      position = last;
      taker.begun(last);
    }
    const consumer = await client.consumers.get(STREAM, {
      filter_subjects: feedOfAll(feed),
      ...startOf(from, position),
    });
    if (position === undefined && (await consumer.info()).num_pending === 0) taker.begun(last);
    return { created, messages: await consumer.consume({ max_messages: AHEAD }) };
  };
  let restart: (() => void) | undefined;
  void (async () => {
    // A server that was away has forgotten its consumer, and the client would notice that after half a minute.
    for await (const { type } of connection.status()) if (type === "reconnect") restart?.();
  })();
  while (!signal.aborted) {
    let open: Awaited<ReturnType<typeof begin>>;
    try {
      open = await begin();
      begun = true;
    } catch (error) {
      if (!begun) throw error;
      await Bun.sleep(RETRY_MS);
      continue;
    }
    const { created, messages } = open;
    const stop = () => messages.stop();
    restart = stop;
    const check = setInterval(() => {
      manager.streams.info(STREAM).then(
        (info) => {
          if (info.created !== created) stop();
        },
        // There is none, or the server is away.
        () => undefined,
      );
    }, CHECK_MS);
    signal.addEventListener("abort", stop);
    // It may have been aborted while the consumer was made.
    if (signal.aborted) stop();
    try {
      const iterator = messages[Symbol.asyncIterator]();
      for (;;) {
        // A stream or a consumer that was deleted ends this one. What the taker throws ends the run.
        const { value: message, done } = await iterator
          .next()
          .catch(() => ({ value: undefined, done: true }));
        if (message === undefined || done === true || signal.aborted) break;
        const { subject, seq, data } = message;
        const host = hostOfSubject(subject);
        position = { created, sequence: seq };
        if (host === undefined) continue;
        try {
          await taker.take(host, decodeMessage(data), position);
        } catch (error) {
          if (!(error instanceof MessageError)) throw error;
          taker.refuse(host, error);
        }
      }
    } finally {
      clearInterval(check);
      signal.removeEventListener("abort", stop);
      messages.stop();
    }
  }
}
