/**
 * Delivers a spool to the stream: one packet at a time, each until the server has stored it. What is in the spool
 * therefore arrives in order, and at least once; readers drop what comes twice.
 */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection, RequestError } from "@nats-io/transport-node";
import type { Packet, Spool } from "../spool/spool.ts";
import { encodeMessage, type Feed, feedSubject, messageId, STREAM, streamConfig } from "./stream.ts";

/** Sends a packet. Resolves once the server has stored it. @throws an error that says why it has not */
export type SendPacket = (packet: Packet) => Promise<void>;

/** How long the server may take to store a packet, in milliseconds. */
const STORE_MS = 10_000;

/** Whether an error says that nothing takes messages of the subject: there is no stream, or no JetStream. */
function isUnclaimed(error: unknown): boolean {
  // The client library says that there is no JetStream, whatever is missing.
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof RequestError && cause.isNoResponders();
}

/** Makes the stream if there is none. A stream that is there stays as it is. @throws if we may not, or without JetStream */
export async function makeStream(connection: NatsConnection): Promise<void> {
  const { streams } = await jetstreamManager(connection, { checkAPI: false });
  try {
    await streams.add({ ...streamConfig, subjects: [...streamConfig.subjects] });
  } catch (error) {
    // Another agent was faster, or its limits differ from ours.
    await streams.info(STREAM).catch(() => {
      throw error;
    });
  }
}

/** Makes the function that sends the packets of a feed. It makes the stream if that is missing. */
export function packetSender(connection: NatsConnection, feed: Feed, host: string): SendPacket {
  const client = jetstream(connection);
  const subject = feedSubject(feed, host);
  const publish = async (packet: Packet) => {
    await client.publish(subject, encodeMessage(packet), {
      msgID: messageId(feed, host, packet),
      headers: headers(),
      timeout: STORE_MS,
      retries: 1,
      expect: { streamName: STREAM },
    });
  };
  return async (packet) => {
    try {
      await publish(packet);
    } catch (error) {
      if (!isUnclaimed(error)) throw error;
      await makeStream(connection);
      await publish(packet);
    }
  };
}

/** How to deliver. */
export interface DeliverOptions {
  readonly spool: Spool;
  readonly send: SendPacket;
  /** Ends the delivery. */
  readonly signal: AbortSignal;
  /** Takes why packets are not stored: once until one is. */
  readonly report: (error: unknown) => void;
  /** From 0 to 1, for the time until the next attempt. */
  readonly random?: () => number;
}

/** What delivers a spool. */
export interface Delivery {
  /** There are new lines. */
  wake(): void;
  /** The server is back: what was sent before may be lost, and is sent again at once. */
  resend(): void;
  /** Resolves once the delivery has ended. */
  readonly ended: Promise<void>;
}

/** The first wait after a failure is up to this long, each further one up to twice as long. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/** Begins to deliver. */
export function deliver({ spool, send, signal, report, random = Math.random }: DeliverOptions): Delivery {
  let failed = 0;
  let hasNews = false;
  let resume: (() => void) | undefined;
  let giveUp: (() => void) | undefined;
  const wake = () => {
    hasNews = true;
    // After a failure it is time that counts.
    if (failed === 0) resume?.();
  };
  const resend = () => {
    giveUp?.();
    resume?.();
  };
  /** Sends a packet. @returns whether it is stored; false if the server went and came back before it answered */
  const isStored = (packet: Packet) =>
    new Promise<boolean>((resolve, reject) => {
      giveUp = () => resolve(false);
      send(packet).then(() => resolve(true), reject);
    });
  /** Waits until there is something new, or for a time. */
  const rest = async (ms: number | undefined) => {
    if (signal.aborted || (ms === undefined && hasNews)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      resume = resolve;
      if (ms !== undefined) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    resume = undefined;
  };
  const run = async () => {
    while (!signal.aborted) {
      hasNews = false;
      const packet = spool.oldest();
      if (packet === undefined) {
        await rest(undefined);
        continue;
      }
      try {
        if (!(await isStored(packet))) continue;
        spool.remove(packet);
        failed = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (failed === 0) report(error);
        await rest(random() * Math.min(FIRST_WAIT_MS * 2 ** failed++, LONGEST_WAIT_MS));
      }
    }
  };
  signal.addEventListener("abort", resend);
  return { wake, resend, ended: run().finally(() => signal.removeEventListener("abort", resend)) };
}
